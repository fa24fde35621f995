"""Measure speed and memory against the plain ways; about 12 minutes on 2 idle cores, 4 with --quick.

Reads params.yaml and the real rows; writes metrics/bench.json, after each section.
Run: `make bench`, or one section: `python -m experiments.bench --only verify`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any

from experiments.bench.report import machine, table
from labelmint.core import paths
from labelmint.core.errors import add_debug_flag, one_line_errors
from labelmint.core.params import load_params
from labelmint.core.records import write_json

BENCH = paths.METRICS / "bench.json"

# PyTorch and llama.cpp hold threads and memory: each is imported only when it is measured.
SECTIONS = {
    "memory": "experiments.bench.memory:measure",
    "generate": "experiments.bench.generation:measure",
    "verify": "experiments.bench.scoring:measure",
    "train": "experiments.bench.training:measure",
}


def main(only: str | None, *, quick: bool) -> None:
    """Measure the sections, write what is known after each, and print a table."""
    params = load_params()
    conditions = {"machine": machine(params), "quick": quick}
    result: dict[str, Any] = {**conditions, **(earlier(conditions) if only else {})}
    for name in [only] if only else SECTIONS:
        start = time.perf_counter()
        result[name] = resolve_name(SECTIONS[name])(params, quick=quick)
        result[name]["seconds"] = round(time.perf_counter() - start, 1)
        write_json(BENCH, result)
    print(table(result))


def earlier(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections of an earlier run, if it was made under the same conditions."""
    try:
        known = json.loads(BENCH.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if any(known.get(key) != value for key, value in conditions.items()):
        return {}
    return {name: known[name] for name in SECTIONS if name in known}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m experiments.bench", description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: rougher numbers, sooner")
    parser.add_argument("--only", choices=list(SECTIONS), help="measure one section, keep the others")
    add_debug_flag(parser)
    arguments = parser.parse_args()
    with one_line_errors("bench", debug=arguments.debug):
        main(arguments.only, quick=arguments.quick)
