"""The commonest label of the training rows, whatever the text: the least that a student must beat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from labelmint.core.arrays import Floats
from labelmint.core.errors import DataError
from labelmint.core.records import Input, Labelled
from labelmint.students.base import Setting, Student
from labelmint.students.saving import read_student, whole_folder, write_student


class MajorityStudent(Student):
    """Give every text the training rows' class balance as probabilities."""

    name = "majority"

    def __init__(self, setting: Setting) -> None:
        self.label_names: Sequence[str] = setting.card.label_names

    def fit(self, rows: Sequence[Labelled], seed: int, unclear: Sequence[Labelled] = ()) -> None:
        """Count the labels."""
        if not rows:
            raise DataError("no rows; nothing to learn")
        counts = Counter(row["label"] for row in rows)
        self.class_balance = np.array([counts[name] / len(rows) for name in self.label_names])

    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the class balance for every input, shape (inputs, labels)."""
        return np.tile(self.class_balance, (len(inputs), 1))

    def save(self, folder: Path) -> None:
        """Write the class balance."""
        with whole_folder(folder) as temporary:
            write_student(temporary, self.name, self.label_names, class_balance=self.class_balance.tolist())

    @classmethod
    def load(cls, folder: Path, setting: Setting | None) -> Self:
        """Open a saved student."""
        content = read_student(folder)
        student = cls.__new__(cls)
        student.label_names = content["label_names"]
        student.class_balance = np.array(content["class_balance"])
        return student
