"""Compare methods of papers with the plain way, on the same candidates: `python -m experiments.methods`.

Importance weights (weights.py), made rows before real ones (order.py), how much students rest on surface
patterns of written texts (patterns.py), forgetting these (forgetting.py), prompts that show the student's
failures (rounds.py) or segments of the real rows (segments.py). Texts and label scores are those of
experiments.sources, in the cache; the last two write more. Writes metrics/methods/<task>.json, to which it
adds the parts that are missing, and from these docs/explanation/methods_measured.md (`--page`: the page
alone).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from experiments import tables
from experiments.methods import forgetting, order, patterns, rounds, segments, summary, weights
from experiments.methods.rows import DRAWN, SEEDS, load
from labelmint.core import paths
from labelmint.core.errors import run_command
from labelmint.core.records import read_json, write_json

TASKS = ["rotten_tomatoes", "bbc_news", "tweets"]
PARTS: dict[str, Any] = {  # modules with `run` and `page`, in the page's order
    "weights": weights,
    "order": order,
    "patterns": patterns,
    "forgetting": forgetting,
    "rounds": rounds,
    "segments": segments,
}
RESULTS = paths.METRICS / "methods"
PAGE = Path("docs/explanation/methods_measured.md")
HEAD = f"""\
# Methods of papers, measured

Written by `python -m experiments.methods --page` from `metrics/methods/`; `python -m experiments.methods`
runs it. Each method is compared with the plain way on the same real rows, student and candidates (as many, if
it chooses what prompts show), with {len(SEEDS)} seeds, each of which draws {DRAWN:.0%} of the made rows. Rows
are either *as written*, under the label that they were written for, or *checked*: those that the filter keeps
and relabels. Accuracy in per cent on test rows; differences in points, paired, with 95 % intervals; p-values
are corrected for all comparisons of their table (Holm 1979).
"""


def main(*, tasks: Sequence[str] = (), page_only: bool = False) -> None:
    """Run the parts of each task whose results are missing, and write the page from those there are.

    The tasks are `TASKS` unless some are named.
    """
    for name in () if page_only else tasks or TASKS:
        path = RESULTS / f"{name}.json"
        result = read_json(path) or {}
        missing = [part for part in PARTS if part not in result]
        if not missing:
            continue
        task = load(name)
        result = result or {"task": name, "test_rows": len(task.truth)}
        for part in missing:
            print(f"methods: {name}, {part}", file=sys.stderr)
            result[part] = PARTS[part].run(task)
            write_json(path, result)
    tables.write_page(PAGE, page, RESULTS, "python -m experiments.methods")


def page(results: Sequence[Mapping[str, Any]]) -> str:
    """Return docs/explanation/methods_measured.md."""
    measured = {name: [result for result in results if name in result] for name in PARTS}
    parts = [PARTS[name].page(of) for name, of in measured.items() if of]
    return "\n".join([HEAD, *chain(summary.page(results, [*PARTS]), *parts)])


if __name__ == "__main__":
    parser = tables.parser("methods", main)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"{', '.join(TASKS)} by default")
    run_command(parser, "methods", main)
