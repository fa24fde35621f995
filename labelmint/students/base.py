"""What a student is: anything that learns labels from rows and gives probabilities.

A new student is one file with a class like this one, and one line in registry.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from labelmint.core.params import Params
from labelmint.core.records import ArmRow, Input
from labelmint.tasks.cards import TaskCard

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """What students know beside the rows: params.yaml, the task card, and whom to tell of progress.

    `on_rows` is called with the number of rows that were embedded, trained on or labelled since.
    """

    params: Params
    card: TaskCard
    on_rows: Callable[[int], object] = lambda _: None


class Student(Protocol):
    """A classifier of texts, or of pairs of texts, into the card's labels."""

    label_names: Sequence[str]

    def __init__(self, setting: Setting) -> None:
        """Open what is needed; raise `ModelError` if it is missing."""

    def fit(self, rows: Sequence[ArmRow], seed: int) -> None:
        """Learn from the rows.

        Fitting the same rows again with another seed may reuse what doesn't depend on the seed.

        Raises
        ------
        DataError
            If nothing can be learnt, e.g. from rows of one label.
        """

    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels), in the order of `label_names`."""

    def summary(self) -> dict[str, Any]:
        """Return how it was trained, for metrics/train/<arm>.json."""

    def save(self, folder: Path) -> None:
        """Write the fitted student to a folder that is either whole or not there."""

    @classmethod
    def load(cls, folder: Path, setting: Setting | None = None) -> Self:
        """Open a saved student; `setting` only where it needs one, as the language model does."""

    def close(self) -> None:
        """Free what was opened."""
