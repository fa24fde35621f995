"""Put the study's cells into metrics/study.json, and say in docs/study.md which of the paper's findings hold.

Run alone: `python -m study.table`, after the parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.study.findings import findings
from experiments.study.grid import CELLS, Grid, load_grid
from labelmint.core.errors import DataError, run_stage
from labelmint.core.records import atomic_file, write_json
from labelmint.scoring.bootstrap import Bootstrap, interval
from labelmint.scoring.scores import ArmPredictions

PAGE = Path("docs/study.md")
METRICS = Path("metrics/study.json")
_SAMPLES = 2000

Cell = Mapping[str, Any]


def main() -> None:
    """Collect the cells, compare each with the real rows alone, and write the table."""
    grid = load_grid()
    cells: list[Cell] = [cell for name in names(grid) for cell in read(name)["cells"]]
    compared = [compare(cell, cells) for cell in cells]
    worths = [read(f"{task}-worth") for task in grid.worth_tasks]
    write_json(METRICS, {"cells": compared, "worth": worths})
    with atomic_file(PAGE) as file:
        file.write(page(grid, compared, worths))


def names(grid: Grid) -> list[str]:
    """Return the names of the parts, in the grid's order."""
    return [f"{task}-{method}" for task in grid.tasks for method in ("real", *grid.methods)]


def read(name: str) -> dict[str, Any]:
    """Read what a part found."""
    path = CELLS / f"{name}.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `make study`") from None


def compare(cell: Cell, cells: Iterable[Cell]) -> dict[str, Any]:
    """Return a cell without its predictions, with its gain over the same real rows alone, if it has some."""
    result = {key: value for key, value in cell.items() if key != "right"}
    if cell["arm"].startswith("mixed"):
        own = (cell["task"], cell["real_rows"])
        base = next(
            each for each in cells if each["arm"] == "real" and (each["task"], each["real_rows"]) == own
        )
        result["gain"] = gain(hits(cell), hits(base))
    return result


def hits(cell: Cell) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return where test rows are labelled right, shape (seeds, test rows)."""
    return np.array([[float(hit) for hit in row] for row in cell["right"]])


def gain(own: Any, base: Any) -> dict[str, float]:
    """Return the difference in accuracy, paired by test row, and relative to the base."""
    bootstrap = Bootstrap(np.ones(own.shape[1], np.int64), 2, _SAMPLES, seed=1)
    # As predictions of the label 1, "right", which all rows have.
    one, other = (
        ArmPredictions(name, 0, np.stack([1 - hit, hit], axis=2))
        for name, hit in (("own", own), ("base", base))
    )
    mean = float((own - base).mean())
    return {
        "accuracy": round(mean, 4),
        **interval(bootstrap.difference(one, other)),
        "relative": round(mean / float(base.mean()), 4),
    }


def page(grid: Grid, cells: Sequence[Cell], worths: Sequence[Mapping[str, Any]]) -> str:
    """Return docs/study.md."""
    head = (
        "# The study\n\n"
        "Written by `python -m study.table` from `metrics/study.json`; run it with `make study`. Accuracy in "
        f"per cent on {grid.test_rows} test rows, mean of {len(grid.seeds)} seeds (each draws other "
        f"{grid.synthetic_rows} of the accepted synthetic rows), with 95 % intervals over test rows and "
        f"seeds; classifier: `{grid.recipe}`. Rows *as written* passed the rules on form, duplicates, copies "
        "and leaks; *checked* ones were also checked by `filter.verify`. Gains "
        "are paired.\n"
    )
    tables = [_task(task, grid, cells) for task in grid.tasks]
    return "\n".join([head, *tables, findings(grid, cells), _worth(grid, worths)])


def _task(task: str, grid: Grid, cells: Sequence[Cell]) -> str:
    own = [cell for cell in cells if cell["task"] == task]
    llm = next(cell for cell in own if cell["arm"] == "llm")
    real = {cell["real_rows"]: cell for cell in own if cell["arm"] == "real"}
    few, many = grid.real_rows
    lines = [
        f"## {task}\n",
        f"Real rows alone: {few}: {_score(real[few])}; {many}: {_score(real[many])}. "
        f"The LLM itself, shown {llm['demonstrations']} real rows: {_score(llm)}.\n",
        f"| method | rows | kept | synthetic only | {few} real + synthetic | gain | {many} real + synthetic "
        "| gain |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for method in grid.methods:
        for check in grid.checks:
            arms = {c["arm"]: c for c in own if c["method"] == method and c.get("check") == check}
            synthetic, one, two = (arms[arm] for arm in ("synthetic", f"mixed_{few}", f"mixed_{many}"))
            said = "as written" if check == "none" else "checked"
            lines.append(
                f"| {method} | {said} | {synthetic['kept']} of {synthetic['candidates']} "
                f"| {_score(synthetic)} | {_score(one)} | {_gain(one)} | {_score(two)} | {_gain(two)} |"
            )
    return "\n".join(lines) + "\n"


def _worth(grid: Grid, worths: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        f"## {grid.real_rows[0]} real rows with and without the recommended method's rows\n",
        f"All accepted rows of {grid.worth_candidates} candidates; trained as `params.yaml` says, "
        "each arm by the recipe that validation on its own rows prefers.\n",
        "| task | method | synthetic rows | real | mixed | gain |",
        "|---|---|---|---|---|---|",
    ]
    for worth in worths:
        real, mixed = worth["arms"]["real"], worth["arms"]["mixed"]
        lines.append(
            f"| {worth['task']} | {', '.join(worth['methods'])} | {worth['kept']} | {_score(real)} "
            f"| {_score(mixed)} | {_gain(worth)} |"
        )
    return "\n".join(lines) + "\n"


def _score(cell: Cell) -> str:
    score = cell["accuracy"]
    return f"{100 * score['mean']:.1f} ({100 * score['ci_low']:.1f}–{100 * score['ci_high']:.1f})"


def _gain(cell: Cell) -> str:
    own = cell["gain"]
    return f"{100 * own['accuracy']:+.1f} ({100 * own['ci_low']:+.1f} to {100 * own['ci_high']:+.1f})"


if __name__ == "__main__":
    run_stage("experiments.study.table", main)
