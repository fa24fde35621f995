"""What a student is: anything that learns labels from rows and gives probabilities.

A new student is one file with a subclass of `Student`, and one line in registry.py.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from labelmint.core.arrays import Bools, Floats, Ints, numbers_of
from labelmint.core.errors import DataError
from labelmint.core.params import Params
from labelmint.core.records import Input, Labelled
from labelmint.tasks.cards import TaskCard


@dataclass(frozen=True)
class Setting:
    """What students know beside the rows: params.yaml, the task card, and where to report progress."""

    params: Params
    card: TaskCard
    # Called before a piece of work with the number of rows to embed, train on or label.
    on_planned: Callable[[int], object] = lambda _: None
    # Called with the number of rows that were embedded, trained on or labelled since.
    on_rows: Callable[[int], object] = lambda _: None
    # Called while a student trains with a training curve's name, the step and the value.
    on_point: Callable[[str, int, float], object] = lambda *_: None


class Classifier(Protocol):
    """A classifier of texts, or of pairs of texts."""

    label_names: Sequence[str]

    @abstractmethod
    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels), in the order of `label_names`."""

    def close(self) -> None:
        """Free what was opened; nothing by default."""
        return  # without a body, type checkers take a protocol's method for abstract


class Student(Classifier, Protocol):
    """A classifier that learns the card's labels; `name` is its name in the registry."""

    name: ClassVar[str]
    # Whether probabilities are scaled, at the price of further trainings, and training curves are reported:
    # not while a student is chosen.
    calibrates: bool = True

    @abstractmethod
    def __init__(self, setting: Setting) -> None:
        """Open what is needed; raise `ModelError` if it is missing."""

    def prepare(self, rows: Sequence[Labelled]) -> None:
        """Do once what fitting parts of these rows would repeat; nothing by default."""
        return

    @abstractmethod
    def fit(self, rows: Sequence[Labelled], seed: int, unclear: Sequence[Labelled] = ()) -> None:
        """Learn from the rows.

        While it is chosen or calibrated by held-out real rows, it learns from the `unclear` rows, too, with
        the labels that they then have (see `real_folds`); what holds nothing out ignores them. Fitting the
        same rows again with another seed may reuse what doesn't depend on the seed. Raise `DataError` if
        nothing can be learnt, e.g. from rows of one label.
        """

    def summary(self) -> dict[str, Any]:
        """Return how it was trained, for metrics/train/<arm>.json; nothing by default."""
        return {}

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the fitted student to a folder that is either whole or not there (see saving.py)."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, setting: Setting | None) -> Classifier:
        """Open a saved student; `setting` is for those that need one, as the language model does."""


def label_numbers(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Ints:
    """Return the rows' labels as places in `names`; raise `DataError` if they are fewer than two."""
    numbers = numbers_of(rows, names)
    if len(set(numbers.tolist())) < 2:
        raise DataError(f"{len(rows)} rows of fewer than two labels; nothing to learn")
    return numbers


def row_weights(rows: Sequence[Mapping[str, Any]]) -> Floats:
    """Return how much each row counts in training, more than 0, shape (rows,); 1 where it doesn't say."""
    return np.array([row.get("weight", 1.0) for row in rows], np.float64)


def real_rows(rows: Sequence[Mapping[str, Any]]) -> Bools:
    """Return which rows have a label that people gave, shape (rows,): calibration goes by these."""
    return np.array([row.get("source", "real") == "real" for row in rows], np.bool_)
