"""docs/results/study.md: the cells as tables, and which of the paper's findings they support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import tables
from experiments.grid import METHODS, REAL_ROWS, SEEDS, STUDENT, SYNTHETIC_ROWS, TEST_ROWS
from experiments.study.findings import findings
from labelmint.core import paths
from labelmint.core.arrays import Floats
from labelmint.core.errors import DataError
from labelmint.core.records import read_json, write_text
from labelmint.scoring.bootstrap import Bootstrap, interval
from labelmint.scoring.scores import ArmPredictions

TASKS = ["rotten_tomatoes", "bbc_news", "tweets"]
PARTS = ["real", *METHODS]
RESULTS, PAGE = paths.METRICS / "study", Path("docs/results/study.md")
_SAMPLES = 2000

Cell = Mapping[str, Any]

_HEAD = f"""\
# The study

Written by `python -m experiments.study --page` from `metrics/study/`; `make study` runs the study. Accuracy
in per cent on {TEST_ROWS} test rows, mean of {len(SEEDS)} seeds (each draws other {SYNTHETIC_ROWS} of the
kept synthetic rows), with 95 % intervals over test rows and seeds; student: `{STUDENT}`. Rows *as written*
passed the rules on form, duplicates, copies and leaks; the labels of *checked* ones were also scored.
Gains are paired: both students answer the same test rows.
"""


def write_page() -> None:
    """Write the page from the parts' results."""
    cells: list[Cell] = [cell for task in TASKS for part in PARTS for cell in read(task, part)["cells"]]
    write_text(PAGE, page(with_gains(cells)))


def result_path(task: str, part: str) -> Path:
    """Return the file of a part."""
    return RESULTS / f"{task}-{part}.json"


def read(task: str, part: str) -> dict[str, Any]:
    """Read a part's result."""
    path = result_path(task, part)
    if (result := read_json(path)) is None:
        raise DataError(f"{path}: no such file; run `make study`")
    return dict(result)


def with_gains(cells: Sequence[Cell]) -> list[Cell]:
    """Add to the mixed cells their gain over the same real rows alone."""
    real = {(cell["task"], cell["real_rows"]): cell for cell in cells if cell["arm"] == "real"}
    return [
        {**cell, "gain": gain(cell, real[cell["task"], cell["real_rows"]])}
        if cell["arm"].startswith("mixed")
        else cell
        for cell in cells
    ]


def gain(cell: Cell, base: Cell) -> dict[str, float]:
    """Return the difference in accuracy, paired by test row, and relative to the base."""
    right, base_right = (_right(each) for each in (cell, base))
    bootstrap = Bootstrap(np.ones(right.shape[1], np.int64), 2, _SAMPLES, seed=1)
    # As predictions of the label 1, "right", which all rows have. The names seed the seeds' noise.
    one, other = (
        ArmPredictions(name, 0, np.stack([1 - hits, hits], axis=2))
        for name, hits in (("own", right), ("base", base_right))
    )
    mean = float((right - base_right).mean())
    return {
        "accuracy": round(mean, 4),
        **interval(bootstrap.difference(one, other)),
        "relative": round(mean / float(base_right.mean()), 4),
    }


def _right(cell: Cell) -> Floats:
    """Return where test rows are labelled right, shape (seeds, test rows)."""
    return np.array([[float(hit) for hit in row] for row in cell["right"]])


def page(cells: Sequence[Cell]) -> str:
    """Return the page."""
    return "\n".join([_HEAD, *(_task(task, cells) for task in TASKS), findings(cells)])


def _task(task: str, all_cells: Sequence[Cell]) -> str:
    cells = [cell for cell in all_cells if cell["task"] == task]
    llm = next(cell for cell in cells if cell["arm"] == "llm")
    few, many = REAL_ROWS
    alone = "; ".join(f"{cell['real_rows']}: {tables.score(cell)}" for cell in cells if cell["arm"] == "real")
    columns = f"method | rows | kept | synthetic only | {few} real + synthetic | gain"
    rows = []
    for method in METHODS:
        arms = {cell["arm"]: cell for cell in cells if cell["method"] == method}
        synthetic = arms["synthetic"]
        kept = f"{synthetic['kept']} of {synthetic['candidates']}"
        row = [method, "as written", kept, tables.score(synthetic)]
        for mixed in (arms[f"mixed_{size}"] for size in REAL_ROWS):
            row += [tables.score(mixed), tables.gain(mixed["gain"])]
        rows.append(row)
    lines = [
        f"## {task}\n",
        f"Real rows alone: {alone}. "
        f"The LLM itself, shown {llm['demonstrations']} real rows: {tables.score(llm)}.\n",
        *tables.table(f"{columns} | {many} real + synthetic | gain", rows),
    ]
    return "\n".join(lines) + "\n"
