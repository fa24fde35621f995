"""What the numbers were measured on, and the closing table."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import psutil

from labelmint.core.params import Params

_LIBRARIES = ("llama-cpp-python", "torch", "transformers", "accelerate", "numpy")


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
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


_ROWS = [
    ("generate", "tokens/s, prompts kept", "serial_tokens_per_s", "batched_tokens_per_s", "ratio"),
    ("generate", "texts/s, new prompts", "fresh_texts_per_s", "batched_texts_per_s", "ratio_fresh"),
    ("verify", "texts/s", "serial_texts_per_s", "batched_texts_per_s", "ratio"),
    ("train", "rows/s", "plain_rows_per_s", "rows_per_s", "ratio"),
    ("train", "accuracy", "plain_accuracy", "accuracy", None),
]


def table(result: Mapping[str, Any]) -> str:
    """Return the measured sections as a table: plain way, ours, ratio; then the stages' peaks."""
    lines = [f"{'':34}{'plain':>10}{'ours':>10}{'ratio':>8}"]
    for section, what, plain, ours, ratio in _ROWS:
        if section in result:
            own = result[section]
            said = f"{own[ratio]:8.2f}" if ratio else ""
            lines.append(f"{section:10}{what:24}{_number(own[plain])}{_number(own[ours])}{said}")
    peaks = result.get("memory", {})
    if peaks:
        said = ", ".join(
            f"{name.removesuffix('_peak_mb')} {peak:.0f}"
            for name, peak in peaks.items()
            if name.endswith("_peak_mb")
        )
        lines.append(f"{'memory':10}peak MB: {said}")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:10.3f}" if value < 1 else f"{value:10.1f}"


def show(result: Mapping[str, Any]) -> None:
    """Print the table to standard output."""
    sys.stderr.flush()
    print(table(result))
