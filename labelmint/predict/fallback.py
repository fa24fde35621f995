"""Have another student answer the texts that a student is least sure of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labelmint.core import paths
from labelmint.core.arrays import Floats
from labelmint.core.errors import ModelError
from labelmint.core.params import Params
from labelmint.core.records import Input
from labelmint.students.base import Classifier
from labelmint.students.loading import saved_name
from labelmint.students.saving import STUDENT, read_note


class WithFallback(Classifier):
    """A student, and another one for the texts of each call that the first is least sure of.

    The fallback answers at most the share `budget` of the texts, from 0 to 1, and none whose best label has
    the probability `min_confidence`; the default leaves that to the budget.
    """

    def __init__(
        self, student: Classifier, fallback: Classifier, budget: float, min_confidence: float = np.inf
    ) -> None:
        if set(student.label_names) != set(fallback.label_names):
            raise ModelError(
                f"--fallback: its labels are {', '.join(fallback.label_names)}, and the student's are "
                f"{', '.join(student.label_names)}; train both on the same task"
            )
        self.student, self.fallback = student, fallback
        self.budget, self.min_confidence = budget, min_confidence
        self.label_names = student.label_names
        self._order = [[*fallback.label_names].index(name) for name in student.label_names]
        self.passed_on = np.zeros(0, np.bool_)  # which of the last call's texts the fallback answered

    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels)."""
        probabilities = self.student.predict_proba(inputs).copy()
        confidence = probabilities.max(axis=1)
        most = int(self.budget * len(inputs) + 1e-9)  # 0.29 · 100 is 28.999…
        order = np.argsort(confidence, kind="stable")[:most]
        places = np.sort(order[confidence[order] < self.min_confidence])
        self.passed_on = np.zeros(len(inputs), np.bool_)
        self.passed_on[places] = True
        if len(places):
            answers = self.fallback.predict_proba([inputs[place] for place in places])
            probabilities[places] = answers[:, self._order]
        return probabilities

    def close(self) -> None:
        """Close both."""
        self.student.close()
        self.fallback.close()


def folder_of(student: str, params: Params, option: str) -> Path:
    """Return models/<arm> of the first arm trained with this student; raise `ModelError` without one."""
    for folder in map(paths.model, params.arms):
        if (folder / STUDENT).is_file() and saved_name(folder) == student:
            return folder
    untrained = [paths.model(arm) for arm in params.arms if params.student_of(arm) == student]
    if not untrained:
        raise ModelError(
            f"{option}: params.yaml has no arm with student: {student}; add "
            f"`{student}: {{real: all, student: {student}}}` to its arms and run `dvc repro`"
        )
    why = read_note(untrained[0]) or "not trained; run `dvc repro`"
    raise ModelError(f"{option}: {untrained[0]}: {why}")
