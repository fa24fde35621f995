"""Choose among the students of `train.students` by cross-validation on the arm's rows; train the best."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from labelmint.core.arrays import Floats, Ints
from labelmint.core.errors import ModelError
from labelmint.core.records import Input, Labelled
from labelmint.encoder.data import truth_of
from labelmint.students.base import Classifier, Setting, Student, real_rows
from labelmint.students.held_out import splits_of, training_rows
from labelmint.students.registry import open_student
from labelmint.tasks.balance import headline_metric

Scores = dict[str, float]  # accuracy, macro_f1 and log_loss


class AutoStudent(Student):
    """The best of several students; the first of them wins a tie, and one alone is not validated.

    Where there are real rows, students are validated on real rows alone: other labels may be wrong.
    """

    name = "auto"

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.label_names: Sequence[str] = setting.card.label_names
        self.students: dict[str, Student] = {}
        try:
            for name in setting.params.train.students:
                self.students[name] = open_student(name, setting)
        except BaseException:
            self.close()
            raise
        self._fitted_rows: list[Labelled] | None = None

    def fit(self, rows: Sequence[Labelled], seed: int, unclear: Sequence[Labelled] = ()) -> None:
        """Train the chosen student on all rows; it is chosen once, with the first of train.seeds."""
        all_rows = [*rows, *unclear]
        if all_rows != self._fitted_rows:
            for student in self.students.values():
                student.prepare(all_rows)
            self.validation_rows = 0
            self.validation = self._validate(all_rows)
            self.chosen = self._best(rows)
            self._fitted_rows = all_rows
        self.students[self.chosen].fit(rows, seed, unclear)

    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels)."""
        return self.students[self.chosen].predict_proba(inputs)

    def summary(self) -> dict[str, Any]:
        """Return the choice and the scores behind it, and what the chosen student says."""
        return {
            "chosen": self.chosen,
            "validation_rows": self.validation_rows,
            "validation": self.validation,
            **self.students[self.chosen].summary(),
        }

    def save(self, folder: Path) -> None:
        """Write the chosen student, as which it is opened again."""
        self.students[self.chosen].save(folder)

    @classmethod
    def load(cls, folder: Path, setting: Setting | None) -> Classifier:
        """Raise `ModelError`: `save` names the chosen student, never this one."""
        raise ModelError(f"{folder}: names no student that can be opened; train it again")

    def close(self) -> None:
        """Close all students."""
        for student in self.students.values():
            student.close()

    def _validate(self, rows: Sequence[Labelled]) -> dict[str, Scores]:
        """Return each student's scores of rows that it wasn't trained on; empty if nothing is to choose."""
        train = self.setting.params.train
        splits = splits_of(rows, self.label_names, train.seeds[0])
        if len(self.students) == 1 or not splits:
            return {}
        truth = truth_of(splits)
        self.validation_rows = len(truth)
        scores = {}
        for name, student in self.students.items():
            parts, student.calibrates = [], False
            for split in splits:
                student.fit(training_rows(rows, split, self.label_names), train.seeds[0])
                parts.append(student.predict_proba([rows[at] for at in split.held_out]))
            scores[name] = measure(np.concatenate(parts), truth)
            student.calibrates = True
        return scores

    def _best(self, rows: Sequence[Labelled]) -> str:
        if not self.validation:
            return next(iter(self.students))
        real = [row["label"] for row, is_real in zip(rows, real_rows(rows), strict=True) if is_real]
        labels = real or [row["label"] for row in rows]
        metric = headline_metric(self.setting.params.evaluate.metric, labels, self.label_names)
        # max() keeps the first of equals.
        return max(self.validation, key=lambda name: self.validation[name][metric])


def measure(probabilities: Floats, labels: Ints) -> Scores:
    """Return accuracy, macro-F1 over the labels that occur, and mean log loss."""
    predicted = probabilities.argmax(axis=1)
    of_label = np.maximum(probabilities[np.arange(len(labels)), labels], 1e-15)
    macro_f1 = f1_score(labels, predicted, labels=np.unique(labels), average="macro", zero_division=0)
    scores = {
        "accuracy": (predicted == labels).mean(),
        "macro_f1": macro_f1,
        "log_loss": -np.log(of_label).mean(),
    }
    return {name: round(float(value), 4) for name, value in scores.items()}
