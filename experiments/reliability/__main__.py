"""Break things on purpose and measure what comes of it: `python -m experiments.reliability`, about an hour.

Parts: `faults` (kills, signals, full disks), `fuzz` (100,000 broken files), `load` (up to 100,000 rows).
Writes metrics/reliability.json after each part, and docs/explanation/reliability.md (`--page`: that alone).
Run some parts: `python -m experiments.reliability load fuzz`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from experiments.reliability.faults import run_faults
from experiments.reliability.fuzz import run_fuzz
from experiments.reliability.load import measure
from experiments.reliability.page import page
from labelmint.core import paths
from labelmint.core.errors import DataError, run_command
from labelmint.core.params import load_params
from labelmint.core.records import atomic_file, write_json

METRICS = paths.METRICS / "reliability.json"
PAGE = Path("docs/explanation/reliability.md")


def main(parts: Sequence[str] = (), *, page_only: bool = False) -> None:
    """Run the parts, all unless some are named, and write the page from all results that there are."""
    results = json.loads(METRICS.read_text(encoding="utf-8")) if METRICS.exists() else {}
    for name in () if page_only else parts or PARTS:
        print(f"reliability: {name}", file=sys.stderr)
        results[name] = PARTS[name]()
        write_json(METRICS, results)
    if not results:
        raise DataError(f"{METRICS}: no results; run `python -m experiments.reliability`")
    with atomic_file(PAGE) as file:
        file.write(page(results))


def _faults() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="labelmint-faults-") as folder:
        return run_faults(Path(folder))


def _load() -> dict[str, Any]:
    return measure(load_params())


PARTS: dict[str, Callable[[], dict[str, Any]]] = {"faults": _faults, "fuzz": run_fuzz, "load": _load}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m experiments.reliability", description=main.__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], default=[], metavar="part", help=", ".join(PARTS)
    )
    parser.add_argument(
        "--page", dest="page_only", action="store_true", help="only write the page, from what was measured"
    )
    run_command(parser, "reliability", main)
