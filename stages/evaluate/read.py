"""Read the test labels and the arms' predictions, and check that they belong together."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from stages import paths
from stages.errors import DataError
from stages.evaluate.scores import ArmPredictions, Ints
from stages.records import Prediction, TestLabel, read_rows


@dataclass(frozen=True)
class Truth:
    """The test rows' ids and label numbers."""

    ids: list[str]
    labels: Ints


def read_truth(names: list[str]) -> Truth:
    """Read the test labels; raise `DataError` if they are of another task."""
    rows: list[TestLabel] = read_rows(paths.TEST_LABELS)
    unknown = sorted({row["label"] for row in rows} - set(names))
    if unknown:
        raise DataError(f"{paths.TEST_LABELS}: labels {unknown} are not the task's; run `dvc repro`")
    return Truth([row["id"] for row in rows], np.array([names.index(row["label"]) for row in rows], np.int64))


def read_predictions(arm: str, truth: Truth, names: list[str]) -> ArmPredictions:
    """Read an arm's predictions, in the order of the test rows.

    Raises
    ------
    DataError
        If they are of other rows or labels than the test set's.
    """
    path = paths.predictions(arm)
    by_seed: dict[int, dict[str, list[float]]] = {}
    row: Prediction
    for row in read_rows(path):
        if list(row["probabilities"]) != names:
            raise DataError(
                f"{path}: labels {list(row['probabilities'])} are not the task's; run `dvc repro`"
            )
        by_seed.setdefault(row["seed"], {})[row["id"]] = list(row["probabilities"].values())
    if not truth.ids and not by_seed:  # a task without test rows
        return ArmPredictions(arm, train_rows(arm), np.zeros((1, 0, len(names))))
    if not by_seed or any(set(own) != set(truth.ids) for own in by_seed.values()):
        raise DataError(f"{path}: predictions are not of the rows of {paths.TEST_LABELS}; run `dvc repro`")
    probabilities = np.array([[own[row_id] for row_id in truth.ids] for own in by_seed.values()])
    return ArmPredictions(arm, train_rows(arm), probabilities)


def train_rows(arm: str) -> int:
    """Return the number of rows that an arm was trained on; 0: the data is too small for it."""
    training = json.loads((paths.METRICS / "train" / f"{arm}.json").read_text(encoding="utf-8"))
    return int(training["train_rows"])
