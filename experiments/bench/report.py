"""What the numbers were measured on, and the closing table."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import psutil

from labelmint.core.params import Params

_LIBRARIES = ("llama-cpp-python", "torch", "transformers", "accelerate", "numpy")

# Section, what was measured, keys of the plain way, of ours, and of the ratio.
_ROWS = [
    ("generate", "tokens/s, prompts kept", "serial_tokens_per_s", "batched_tokens_per_s", "ratio"),
    ("generate", "texts/s, new prompts", "fresh_texts_per_s", "batched_texts_per_s", "ratio_fresh"),
    ("verify", "texts/s", "serial_texts_per_s", "batched_texts_per_s", "ratio"),
    ("train", "rows/s", "plain_rows_per_s", "rows_per_s", "ratio"),
    ("train", "accuracy", "plain_accuracy", "accuracy", ""),
]


def machine(params: Params) -> dict[str, Any]:
    """Return the processor, the threads in use and the libraries' versions."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count() or 1,
        "threads": params.llm.threads or joblib.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "llm": params.llm.model,
        "encoder": params.train.encoder,
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's name as the system gives it."""
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def table(result: Mapping[str, Any]) -> str:
    """Return the measured sections as a table: plain way, ours, ratio; then the stages' peaks."""
    lines = [f"{'':34}{'plain':>10}{'ours':>10}{'ratio':>8}"]
    for section, what, plain, ours, ratio in _ROWS:
        if section in result:
            values = result[section]
            numbers = "".join(f"{values[key]:10.{3 if values[key] < 1 else 1}f}" for key in (plain, ours))
            lines.append(f"{section:10}{what:24}{numbers}" + (f"{values[ratio]:8.2f}" if ratio else ""))
    peaks = [
        f"{key.removesuffix('_peak_mb')} {value:.0f}"
        for key, value in result.get("memory", {}).items()
        if key.endswith("_peak_mb")
    ]
    return "\n".join([*lines, *([f"{'memory':10}peak MB: {', '.join(peaks)}"] if peaks else [])])
