"""Measure speed and memory against the plain ways; about 25 minutes on 2 idle cores.

Reads params.yaml and the real rows; writes metrics/bench.json, after each section.
Run: `make bench`, or one section: `python -m experiments.bench --only verify`.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import joblib

from labelmint.core import paths
from labelmint.core.errors import run_command
from labelmint.core.params import Params, load_params
from labelmint.core.records import read_json, write_json

BENCH = paths.METRICS / "bench.json"

# PyTorch and llama.cpp hold threads and memory: each is imported only when it is measured.
SECTIONS = {
    "memory": "experiments.bench.memory:measure",
    "generate": "experiments.bench.llm:measure_writing",
    "verify": "experiments.bench.llm:measure_scoring",
    "train": "experiments.bench.training:measure",
}

_LIBRARIES = ("llama-cpp-python", "torch", "transformers", "accelerate", "numpy")

# Section, what was measured, keys of the plain way, of ours, and of the ratio.
_ROWS = [
    ("generate", "tokens/s, prompts kept", "serial_tokens_per_s", "batched_tokens_per_s", "ratio"),
    ("generate", "texts/s, new prompts", "fresh_texts_per_s", "batched_texts_per_s", "ratio_fresh"),
    ("verify", "texts/s", "serial_texts_per_s", "batched_texts_per_s", "ratio"),
    ("train", "rows/s", "plain_rows_per_s", "rows_per_s", "ratio"),
    ("train", "accuracy", "plain_accuracy", "accuracy", ""),
]


def main(only: str | None = None) -> None:
    """Measure the sections, write what is known after each, and print a table."""
    params = load_params()
    conditions = machine(params)
    result = {"machine": conditions, **(earlier(conditions) if only else {})}
    for name in [only] if only else SECTIONS:
        start = time.perf_counter()
        result[name] = resolve_name(SECTIONS[name])(params)
        result[name]["seconds"] = round(time.perf_counter() - start, 1)
        write_json(BENCH, result)
    print(table(result))


def earlier(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections of an earlier run, if it was made under the same conditions."""
    known = read_json(BENCH) or {}
    same = known.get("machine") == conditions
    return {name: known[name] for name in SECTIONS if same and name in known}


def machine(params: Params) -> dict[str, Any]:
    """Return the processor, the threads in use and the libraries' versions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 1,
        "threads": params.llm.threads or joblib.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "llm": params.llm.model,
        "encoder": params.train.encoder,
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def table(result: Mapping[str, Any]) -> str:
    """Return the measured sections as a table: plain way, ours, ratio; then the stages' peaks."""
    lines = [f"{'':34}{'plain':>10}{'ours':>10}{'ratio':>8}"]
    for section, what, plain, ours, ratio in _ROWS:
        if section in result:
            values = result[section]
            numbers = "".join(f"{values[key]:10.{3 if values[key] < 1 else 1}f}" for key in (plain, ours))
            lines.append(f"{section:10}{what:24}{numbers}" + (f"{values[ratio]:8.2f}" if ratio else ""))
    memory = result.get("memory", {})
    peaks = [f"{key[:-8]} {memory[key]:.0f}" for key in memory if key.endswith("_peak_mb")]
    if peaks:
        lines.append(f"{'memory':10}peak MB: {', '.join(peaks)}")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m experiments.bench", description=main.__doc__)
    parser.add_argument("--only", choices=list(SECTIONS), help="measure one section, keep the others")
    run_command(parser, "bench", main)
