"""What experiments do with a task: read its rows, write and filter texts, train students and score them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from labelmint.core.arms import rows_by_source, training_sets
from labelmint.core.arrays import Ints, numbers_of
from labelmint.core.errors import DataError
from labelmint.core.params import Arm, Params
from labelmint.core.records import ArmRow, Candidate, Kept, Rejected, input_of
from labelmint.generation.session import Session
from labelmint.labelling.folds import add_fold_labels
from labelmint.labelling.scores import LabelScores, score_candidates
from labelmint.llm.base import LanguageModel
from labelmint.rules.apply import filter_candidates
from labelmint.rules.filtering import Filtering
from labelmint.scoring.bootstrap import Bootstrap
from labelmint.scoring.scores import ArmPredictions
from labelmint.students.base import Setting, Student
from labelmint.students.registry import open_student
from labelmint.tasks import task
from labelmint.tasks.cards import TaskCard, load_card
from labelmint.tasks.data import read_task
from labelmint.tasks.split import Split

REAL, PLAIN = "real", "plain"  # the arms of the real rows alone, and of the made rows in the plain way

Rows = Sequence[ArmRow]


@dataclass(frozen=True)
class Task(task.Task):
    """A task with all of its rows, and what predictions of its test rows are compared by."""

    rows: Split = field(kw_only=True)

    @property
    def truth(self) -> Ints:
        """Numbers of the test rows' labels, shape (test rows,)."""
        return numbers_of(self.rows.test, self.card.label_names)

    @cached_property
    def bootstrap(self) -> Bootstrap:
        """The resampled test rows, by which predictions are compared."""
        config = self.params.evaluate
        return Bootstrap(self.truth, len(self.card.labels), config.bootstrap_samples, config.seed)

    def scored(self, arms: Mapping[str, ArmPredictions], plain: str = PLAIN) -> dict[str, dict[str, Any]]:
        """Return each arm's score, and its gain over the plain one."""
        return {
            name: {
                "train_rows": arm.train_rows,
                "accuracy": self.bootstrap.score(arm),
                "gain": {} if name == plain else self.bootstrap.gain(arm, arms[plain]),
            }
            for name, arm in arms.items()
        }


def load_task(params: Params, card: TaskCard | None = None) -> Task:
    """Read and split the task's rows, as `prepare` does; `card` replaces the task's."""
    card = card or load_card(params.task)
    data = read_task(params, card)
    rows = data.split
    return Task(params, card, rows.train, [*map(input_of, rows.test)], data.facts.rows, rows=rows)


def write(task: Task, model: LanguageModel) -> list[Candidate]:
    """Write the candidates."""
    session = Session(task, model)
    return session.write(session.waves(), f"{task.params.task} {task.params.generate.method}")[0]


def keep(task: Task, candidates: Sequence[Candidate], action: str, model: LanguageModel) -> list[Kept]:
    """Return the rows that the filter keeps with this `labelling.action`."""
    return filter_rows(task, candidates, action, model)[0]


def filter_rows(
    task: Task, candidates: Sequence[Candidate], action: str, model: LanguageModel
) -> tuple[list[Kept], list[Rejected]]:
    """Return the rows that the filter keeps with this `labelling.action`, and those that it rejects."""
    task = task.changed({"labelling.action": action})
    scores = score_candidates(task, candidates, model) if action != "none" else LabelScores()
    result = filter_candidates(Filtering(task, candidates, scores.texts))
    without = scores.without_folds
    return add_fold_labels(task, result.kept, without), add_fold_labels(task, result.rejected, without)


def draw_sets(
    task: Task, arms: Mapping[str, Arm], kept: Sequence[Kept] = ()
) -> dict[str, list[list[ArmRow]]]:
    """Return each arm's training rows for each seed, which draws other made rows.

    Raise `DataError` if the task has too few rows.
    """
    drawn: dict[str, list[list[ArmRow]]] = {name: [] for name in arms}
    for seed in task.params.train.seeds:
        sets, left_out = training_sets(arms, task.train, task.rows.pool, kept, [], seed)
        for name, reason in left_out.items():
            raise DataError(f"{task.params.task}, {name}: {reason}")
        for name, rows in sets.items():
            drawn[name].append(rows)
    return drawn


def fit_arms(
    task: Task, student: Student, arms: Mapping[str, Arm], kept: Sequence[Kept] = ()
) -> dict[str, ArmPredictions]:
    """Train the student on each arm's rows of each seed, and predict the test inputs."""
    return {name: predict(task, student, name, rows) for name, rows in draw_sets(task, arms, kept).items()}


def predict(
    task: Task, student: Student, name: str, rows_by_seed: Sequence[Rows], unclear: Rows = ()
) -> ArmPredictions:
    """Fit the student on each seed's rows and predict the test inputs."""
    probabilities = []
    for seed, rows in zip(task.params.train.seeds, rows_by_seed, strict=True):
        student.fit(rows, seed, unclear)
        probabilities.append(student.predict_proba(task.test))
    rows = rows_by_seed[0]
    sources = rows_by_source(rows)
    counts = sources["real"], sources["synthetic"], sources["unlabelled"]
    return ArmPredictions(name, len(rows), np.stack(probabilities), *counts, student.name)


def ask_llm(task: Task) -> ArmPredictions:
    """Ask the language model about the test inputs."""
    with closing(open_student("llm", Setting(task.params, task.card))) as llm:
        return fit_arms(task, llm, {"llm": Arm(real="all")})["llm"]
