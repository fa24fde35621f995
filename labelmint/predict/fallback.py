"""Have another student answer the texts that a student is least sure of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labelmint.core import paths
from labelmint.core.errors import ModelError
from labelmint.core.params import Params
from labelmint.core.records import Input
from labelmint.students.base import Classifier, Floats
from labelmint.students.saving import STUDENT


class WithFallback(Classifier):
    """A student, and another one for the share of each call's texts that the first is least sure of.

    Parameters
    ----------
    budget : float
        That share, from 0 to 1.

    Attributes
    ----------
    passed_on : shape (inputs,)
        Which of the last call's texts the fallback answered.
    """

    def __init__(self, student: Classifier, fallback: Classifier, budget: float) -> None:
        if set(student.label_names) != set(fallback.label_names):
            raise ModelError(
                f"--fallback: its labels are {', '.join(fallback.label_names)}, and the student's are "
                f"{', '.join(student.label_names)}; train both on the same task"
            )
        self.student, self.fallback, self.budget = student, fallback, budget
        self.label_names = student.label_names
        self._order = [[*fallback.label_names].index(name) for name in student.label_names]
        self.passed_on = np.zeros(0, np.bool_)

    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels)."""
        probabilities = self.student.predict_proba(inputs).copy()
        order = np.argsort(probabilities.max(axis=1), kind="stable")
        places = np.sort(order[: round(self.budget * len(inputs))])
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
    """Return models/<arm> of the first arm with this student; raise `ModelError` if there is none."""
    for arm in params.arms:
        file = paths.model(arm) / STUDENT
        trained = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        if params.student_of(arm) == student == trained.get("student"):
            return paths.model(arm)
    entry = f"{student}: {{real: all, student: {student}}}"
    raise ModelError(
        f"{option}: no trained arm with student: {student}; add `{entry}` to params.yaml's arms and run "
        "`dvc repro`"
    )
