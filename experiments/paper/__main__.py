"""Fill the table of Li et al. (2024): `python -m experiments.paper [TASK …] [--data FOLDER] [--rows N]`.

The tasks are the paper's six, whose rows are on the hub, and three whose rows come with the project.
Reads params.yaml, the task cards and the rows, those of the hub with `--data` from copies in a folder:
<task>_train and <task>_test (.csv, .jsonl …) with the columns text (of pairs: premise and hypothesis) and
label. Writes metrics/paper/<task>.json and from these docs/results/paper.md (`--page`: the page alone).
Results that have all methods and were made with the same settings are kept; texts, vectors and label
scores are in the cache, so a stopped run resumes. `--rows 160` takes fewer synthetic rows of each method
than the paper's 1,000.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments import tables
from experiments.paper.grid import (
    PAPER_TASKS,
    REAL_ROWS,
    SYNTHETIC_ROWS,
    TASKS,
    grid_params,
    load_task,
    methods_of,
)
from experiments.paper.page import page
from experiments.paper.run import run
from labelmint.core import paths
from labelmint.core.errors import ParamsError, run_command
from labelmint.core.records import read_json, write_json
from labelmint.tasks.cards import load_card

RESULTS, PAGE = paths.METRICS / "paper", Path("docs/results/paper.md")


def main(
    *,
    tasks: Sequence[str] = (),
    data: Path | None = None,
    rows: int = SYNTHETIC_ROWS,
    page_only: bool = False,
) -> None:
    """Run the tasks whose results are missing or were made with other settings, and write the page."""
    unknown = [name for name in tasks if name not in TASKS]
    if unknown:
        raise ParamsError(f"no task {unknown[0]}; choose of {', '.join(TASKS)}")
    if rows < 1:
        raise ParamsError(f"--rows {rows}: it must be 1 or more; the paper has {SYNTHETIC_ROWS}")
    for name in () if page_only else tasks or TASKS:
        run_task(name, data, rows)
    tables.write_page(PAGE, page, RESULTS, "python -m experiments.paper")


def run_task(name: str, data: Path | None, rows: int) -> None:
    """Write a task's result, unless it is there with the same settings, and has all methods."""
    path, params = RESULTS / f"{name}.json", grid_params(name, rows)
    source = "copies" if data is not None and name in PAPER_TASKS else "card"
    settings = params.model_dump(mode="json", exclude={"arms", "top_up"})
    settings |= {"real_rows": list(REAL_ROWS), "synthetic_rows": rows, "source": source}
    stored = read_json(path) or {}
    missing = {*methods_of(load_card(name))} - {*stored.get("methods", ())}
    if missing or not _same(stored.get("settings"), settings):
        print(f"paper: {name}", file=sys.stderr)
        write_json(path, {**run(load_task(params, data), rows), "settings": settings})


def _same(stored: Any, settings: Any) -> bool:
    """Return whether settings are the stored ones; those that are newer than the file are ignored."""
    if isinstance(stored, Mapping) and isinstance(settings, Mapping):
        return all(key in settings and _same(value, settings[key]) for key, value in stored.items())
    return bool(stored == settings)


if __name__ == "__main__":
    parser = tables.parser("paper", main, TASKS)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="copies of the data sets, not the hub's")
    parser.add_argument("--rows", type=int, default=SYNTHETIC_ROWS, metavar="N", help="synthetic rows")
    run_command(parser, "paper", main)
