"""Compare methods of papers with the plain way, on the same candidates: `python -m experiments.methods`.

Importance weights (weights.py), made rows before real ones (order.py), and how much students rest on surface
patterns of written texts (patterns.py). Texts and label scores are those of experiments.sources, in the
cache. Writes metrics/methods/<task>.json and, from these, docs/explanation/methods_measured.md (`--page`:
the page alone).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments import tables
from experiments.methods import order, patterns, weights
from experiments.methods.rows import DRAWN, SEEDS, MethodTask, load
from experiments.sources import MPNET
from labelmint.core import paths
from labelmint.core.errors import run_command
from labelmint.core.records import write_json
from labelmint.llm import open_model

TASKS = ["rotten_tomatoes", "bbc_news", "tweets"]
STUDENT = MPNET
RESULTS = paths.METRICS / "methods"
PAGE = Path("docs/explanation/methods_measured.md")
HEAD = f"""\
# Methods of papers, measured

Written by `python -m experiments.methods --page` from `metrics/methods/`; `python -m experiments.methods`
runs it. Each method is compared with the plain way on the same candidates, real rows and student, with
{len(SEEDS)} seeds, each of which draws {DRAWN:.0%} of the made rows. Rows are either *as written*, under the
label that they were written for, or *checked*: those that the filter keeps and relabels. Accuracy in per cent
on test rows; differences in points, paired, with 95 % intervals; p-values are corrected for all comparisons
of their table (Holm 1979).
"""


def main(*, page_only: bool = False) -> None:
    """Run the tasks whose results are missing, and write the page from those there are."""
    for name in () if page_only else TASKS:
        path = RESULTS / f"{name}.json"
        if not path.exists():
            print(f"methods: {name}", file=sys.stderr)
            write_json(path, run(load(name, STUDENT, open_model)))
    tables.write_page(PAGE, page, RESULTS, "python -m experiments.methods")


def run(task: MethodTask) -> dict[str, Any]:
    """Return the results of all methods."""
    return {
        "task": task.name,
        "test_rows": len(task.truth),
        "weights": weights.run(task),
        "order": order.run(task),
        "patterns": patterns.run(task),
    }


def page(results: Sequence[Mapping[str, Any]]) -> str:
    """Return docs/explanation/methods_measured.md."""
    return "\n".join([HEAD, weights.page(results), order.page(results), patterns.page(results)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m experiments.methods", description=main.__doc__)
    parser.add_argument("--page", dest="page_only", action="store_true", help="only write the page")
    run_command(parser, "methods", main)
