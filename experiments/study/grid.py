"""The study's settings and rows: what params.yaml says, with the grid's changes, and each task's split."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import numpy as np
from pydantic import Field

from labelmint.core.config import Section, check, read_yaml
from labelmint.core.errors import DataError
from labelmint.core.params import Params, Positive, Seeds, load_params
from labelmint.core.records import Labelled
from labelmint.scoring.scores import Ints
from labelmint.tasks.cards import TaskCard, load_card
from labelmint.tasks.source import read_source
from labelmint.tasks.split import Split, split

PARAMS = Path("study/params.yaml")
CELLS = Path("metrics/study")

Row = TypeVar("Row", bound=Labelled)


class Grid(Section):
    """The grid of study/params.yaml."""

    tasks: Annotated[list[str], Field(min_length=1)]
    methods: Annotated[list[str], Field(min_length=1)]
    checks: Annotated[list[Literal["none", "drop", "relabel"]], Field(min_length=1)]
    real_rows: Annotated[list[Positive], Field(min_length=2, max_length=2)]
    synthetic_rows: Positive
    candidates: Positive
    worth_tasks: list[str]
    worth_candidates: Positive
    test_rows: Positive
    seeds: Annotated[Seeds, Field(min_length=3)]
    recipe: Literal["linear_head", "fine_tune"]


@dataclass(frozen=True)
class Task:
    """A task's card, settings and rows; `parts.curve` holds the real rows by number."""

    grid: Grid
    params: Params
    card: TaskCard
    parts: Split

    @property
    def truth(self) -> Ints:
        """Numbers of the test rows' labels, shape (test rows,)."""
        names = self.card.label_names
        return np.array([names.index(row["label"]) for row in self.parts.test], np.int64)


def load_grid() -> Grid:
    """Read the grid; raise `ParamsError` naming file and key."""
    content = read_yaml(PARAMS)
    return check(Grid, content.get("study") if isinstance(content, dict) else None, PARAMS, "study")


def load_task(name: str, method: str = "auto", *, worth: bool = False) -> Task:
    """Return a task with params.yaml's settings, the grid's numbers and one method.

    `worth`: as the recommended method is measured, with `worth_candidates` and params.yaml's `train`.
    """
    grid = load_grid()
    params = load_params()
    content = params.model_dump()
    content["task"] = name
    few = grid.real_rows[0]
    content["real"] = {
        "rows": few,
        "curve": [2 * few, 3 * few, 4 * few],
    }  # whose points the study doesn't use
    content["generate"] |= {
        "method": method,
        "candidates": grid.worth_candidates if worth else grid.candidates,
    }
    if not worth:
        content["train"] |= {"seeds": grid.seeds, "recipe": grid.recipe}
    params = Params.model_validate({**content, "arms": ["real"]})
    card = load_card(name)
    reading = read_source(card, name)
    rows, test = reading.rows, reading.test
    parts = split(rows, grid.real_rows[0], grid.real_rows, grid.test_rows, params.prepare.seed, test)
    return Task(grid, params, card, parts)


def subset(rows: Sequence[Row], names: Sequence[str], size: int, seed: int) -> list[Row]:
    """Return a seeded draw of up to `size` rows, the labels in balance as far as they go."""
    by_label: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_label[row["label"]].append(row)
    if not rows:
        raise DataError("study: no accepted rows to train on")
    draw = random.Random(seed)
    for own in by_label.values():
        draw.shuffle(own)
    taken: list[Row] = []
    for place in range(max(map(len, by_label.values()))):
        taken += [by_label[name][place] for name in names if place < len(by_label[name])]
    return taken[:size]
