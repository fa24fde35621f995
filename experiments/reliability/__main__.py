"""Break things on purpose and measure what comes of it: `python -m experiments.reliability`, about an hour.

Parts: `faults` (kills, signals, full disks), `fuzz` (100,000 broken files), `load` (up to 100,000 rows).
Writes metrics/reliability.json after each part, and docs/explanation/reliability.md (`--page`: that alone).
Run some parts: `python -m experiments.reliability load fuzz`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from experiments import tables
from experiments.reliability.faults import run_faults
from experiments.reliability.fuzz import run_fuzz
from experiments.reliability.load import measure
from experiments.reliability.page import page
from labelmint.core import paths
from labelmint.core.errors import run_command
from labelmint.core.params import load_params
from labelmint.core.records import read_json, write_json

METRICS = paths.METRICS / "reliability.json"
PAGE = Path("docs/explanation/reliability.md")


def main(parts: Sequence[str] = (), *, page_only: bool = False) -> None:
    """Run the parts, all unless some are named, and write the page from all results that there are."""
    results = read_json(METRICS) or {}
    for name in () if page_only else parts or PARTS:
        print(f"reliability: {name}", file=sys.stderr)
        results[name] = PARTS[name]()
        write_json(METRICS, results)
    tables.write_page(PAGE, page, METRICS, "python -m experiments.reliability")


def _faults() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="labelmint-faults-") as folder:
        return run_faults(Path(folder))


def _load() -> dict[str, Any]:
    return measure(load_params())


PARTS: dict[str, Callable[[], dict[str, Any]]] = {"faults": _faults, "fuzz": run_fuzz, "load": _load}


if __name__ == "__main__":
    parser = tables.parser("reliability", main)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], default=[], metavar="part", help=", ".join(PARTS)
    )
    run_command(parser, "reliability", main)
