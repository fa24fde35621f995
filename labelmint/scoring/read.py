"""Read the test rows and the predictions of them, and check that they belong together."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import Input, Prediction, TestLabel, read_rows
from labelmint.scoring.scores import ArmPredictions, Floats, Ints


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


def read_inputs(truth: Truth) -> list[Input]:
    """Read the test inputs, in the order of the labels; raise `DataError` if they are of other rows.

    Without labels there are none to tell of.
    """
    by_id: dict[str, Input] = {row["id"]: row for row in read_rows(paths.TEST_INPUTS)}
    if truth.ids and set(by_id) != set(truth.ids):
        raise DataError(f"{paths.TEST_INPUTS}: not the rows of {paths.TEST_LABELS}; run `dvc repro`")
    return [by_id[row_id] for row_id in truth.ids]


def read_predictions(arm: str, truth: Truth, names: list[str]) -> ArmPredictions:
    """Read an arm's predictions, in the order of the test rows.

    Raises
    ------
    DataError
        If they are of other rows or labels than the test set's.
    """
    path = paths.predictions(arm)
    by_seed = _by_seed(path, names)
    if not truth.ids and not by_seed:  # a task without test rows
        return ArmPredictions(arm, train_rows(arm), np.zeros((1, 0, len(names))))
    return ArmPredictions(arm, train_rows(arm), _in_order(path, by_seed, truth))


def read_baselines(truth: Truth, names: list[str]) -> list[ArmPredictions]:
    """Read the predictions of the baselines that there are; raises as `read_predictions` does."""
    made = _metrics("baselines")
    found = []
    for name in made["names"] if truth.ids else ():
        path = paths.baseline(name)
        predictions = _in_order(path, _by_seed(path, names), truth)
        found.append(ArmPredictions(name, int(made["train_rows"]), predictions))
    return found


def read_draws(names: list[str]) -> Ints:
    """Read the labels that the LLM gave with each draw of its demonstrations, shape (draws, rows)."""
    by_draw = _by_seed(paths.baseline("draws"), names)
    if not by_draw:
        return np.zeros((0, 0), np.int64)
    ids = list(next(iter(by_draw.values())))
    return np.array([[np.argmax(own[row_id]) for row_id in ids] for own in by_draw.values()], np.int64)


def train_rows(arm: str) -> int:
    """Return the number of rows that an arm was trained on; 0: the data is too small for it."""
    return int(_metrics(f"train/{arm}")["train_rows"])


def _metrics(name: str) -> Any:
    path = paths.METRICS / f"{name}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro`") from None


def _by_seed(path: Path, names: list[str]) -> dict[int, dict[str, list[float]]]:
    by_seed: dict[int, dict[str, list[float]]] = {}
    row: Prediction
    for row in read_rows(path):
        if list(row["probabilities"]) != names:
            raise DataError(
                f"{path}: labels {list(row['probabilities'])} are not the task's; run `dvc repro`"
            )
        by_seed.setdefault(row["seed"], {})[row["id"]] = list(row["probabilities"].values())
    return by_seed


def _in_order(path: Path, by_seed: dict[int, dict[str, list[float]]], truth: Truth) -> Floats:
    """Return probabilities of the shape (seeds, test rows, labels)."""
    if not by_seed or any(set(own) != set(truth.ids) for own in by_seed.values()):
        raise DataError(f"{path}: predictions are not of the rows of {paths.TEST_LABELS}; run `dvc repro`")
    return np.array([[own[row_id] for row_id in truth.ids] for own in by_seed.values()])
