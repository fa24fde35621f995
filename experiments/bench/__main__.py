"""Measure speed and memory against the plain ways; about 12 minutes on 2 idle cores, 4 with --quick.

Reads params.yaml and the real rows; writes metrics/bench.json, after each section.
Run: `make bench`, or one section: `python -m bench --only verify`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from experiments.bench.inputs import Inputs, load_inputs
from experiments.bench.report import machine, show
from labelmint.core import paths
from labelmint.core.errors import add_debug_flag, one_line_errors
from labelmint.core.records import write_json

BENCH = paths.METRICS / "bench.json"

Measure = Callable[[Inputs, bool], dict[str, Any]]


def _memory(inputs: Inputs, _: bool) -> dict[str, Any]:
    from experiments.bench import memory

    return memory.measure(inputs.params)


def _generate(inputs: Inputs, quick: bool) -> dict[str, Any]:
    from experiments.bench import generation

    return generation.measure(inputs, generation.QUICK if quick else generation.FULL)


def _verify(inputs: Inputs, quick: bool) -> dict[str, Any]:
    from experiments.bench import verification

    return verification.measure(inputs, verification.QUICK if quick else verification.FULL)


def _train(inputs: Inputs, quick: bool) -> dict[str, Any]:
    from experiments.bench import training

    return training.measure(inputs, training.QUICK if quick else training.FULL)


# torch and llama.cpp keep threads and memory of their own: each is imported only when it is measured.
SECTIONS: dict[str, Measure] = {
    "memory": _memory,
    "generate": _generate,
    "verify": _verify,
    "train": _train,
}


def main(only: str | None, quick: bool) -> None:
    """Measure the sections and write what is known after each."""
    inputs = load_inputs()
    conditions = {"machine": machine(inputs.params), "quick": quick}
    result: dict[str, Any] = {**conditions, **(earlier(conditions) if only else {})}
    for name in [only] if only else SECTIONS:
        begin = time.perf_counter()
        result[name] = SECTIONS[name](inputs, quick)
        result[name]["seconds"] = round(time.perf_counter() - begin, 1)
        write_json(BENCH, result)
    show(result)


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
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: rougher numbers, sooner")
    parser.add_argument("--only", choices=list(SECTIONS), help="measure one section, keep the others")
    add_debug_flag(parser)
    arguments = parser.parse_args()
    with one_line_errors("bench", debug=arguments.debug):
        main(arguments.only, arguments.quick)
