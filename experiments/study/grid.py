"""The study's grid, and each task with the settings of params.yaml and the grid's numbers.

A change of these numbers makes the next run of the study renew the parts that they concern.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from labelmint.core import paths
from labelmint.core.arrays import Ints
from labelmint.core.params import Params, load_params
from labelmint.core.records import input_of
from labelmint.scoring.bootstrap import Bootstrap
from labelmint.tasks import task
from labelmint.tasks.cards import TaskCard, load_card
from labelmint.tasks.source import read_source
from labelmint.tasks.split import Split, split

TASKS = ["rotten_tomatoes", "bbc_news", "tweets"]
METHODS = ["zero_shot", "one_shot", "few_shot", "zero_shot_topic"]
ACTIONS = ["none"]  # of labelling.action; none: rows as written, as in the paper; also drop, relabel
REAL_ROWS = (100, 1000)  # nested; demonstrations are drawn from the first alone
SYNTHETIC_ROWS = 1000  # of the kept ones, another draw per seed
CANDIDATES = 1152  # texts written per task and method
TEST_ROWS = 1000
SEEDS = [1, 2, 3]
STUDENT = "linear_head"  # fine_tune is ten times slower

RESULTS = paths.METRICS / "study"


@dataclass(frozen=True)
class Task(task.Task):
    """A task with all of its rows, and what predictions of its test rows are compared by."""

    rows: Split = field(kw_only=True)

    @property
    def truth(self) -> Ints:
        """Numbers of the test rows' labels, shape (test rows,)."""
        names = self.card.label_names
        return np.array([names.index(row["label"]) for row in self.rows.test], np.int64)

    def bootstrap(self) -> Bootstrap:
        """Return what predictions of the test rows are compared by."""
        config = self.params.evaluate
        return Bootstrap(self.truth, len(self.card.labels), config.bootstrap_samples, config.seed)


def result_path(task: str, part: str) -> Path:
    """Return the file of a part: a method's name, or "real"."""
    return RESULTS / f"{task}-{part}.json"


def load_task_params(task: str, part: str) -> Params:
    """Return params.yaml with the grid's numbers."""
    method = {"generate.method": part} if part in METHODS else {}
    return load_params().changed(
        {
            "task": task,
            "arms": {"real": {"real": "all"}},
            "real.rows": REAL_ROWS[0],
            "prepare.test_rows": TEST_ROWS,
            "generate.candidates": CANDIDATES,
            "train.seeds": SEEDS,
            "train.student": STUDENT,
            **method,
        }
    )


def load_task(params: Params, card: TaskCard | None = None, origin: str = "") -> Task:
    """Read and split the task's rows, as `prepare` does; `card` of the file `origin` replaces the task's."""
    card = card or load_card(params.task)
    real, prepare = read_source(card, params.task, origin), params.prepare
    rows = split(real.rows, params.real.rows, prepare.test_rows, prepare.seed, real.test)
    return Task(params, card, rows.train, [*map(input_of, rows.test)], rows=rows)


def settings_of(params: Params, part: str) -> dict[str, Any]:
    """Return all that a part's result depends on but code and data; it is stored with the result."""
    content = params.model_dump(mode="json", exclude={"arms", "top_up"})
    content |= {"real_rows": list(REAL_ROWS)}
    if part in METHODS:
        content |= {"actions": ACTIONS, "synthetic_rows": SYNTHETIC_ROWS}
    return content
