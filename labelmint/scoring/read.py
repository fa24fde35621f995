"""Read the test rows and the predictions of them, and check that they belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelmint.core import paths
from labelmint.core.arrays import Floats, Ints, numbers_of
from labelmint.core.errors import DataError
from labelmint.core.records import Input, Prediction, TestLabel, read_json, read_rows
from labelmint.scoring.scores import ArmPredictions


@dataclass(frozen=True)
class Truth:
    """The test rows' ids and label numbers."""

    ids: list[str]
    labels: Ints


def read_truth(names: list[str]) -> Truth:
    """Read the test labels; raise `DataError` if they are of another task."""
    rows: list[TestLabel] = read_rows(paths.TEST_LABELS, TestLabel)
    unknown = sorted({row["label"] for row in rows} - set(names))
    if unknown:
        raise DataError(f"{paths.TEST_LABELS}: labels {unknown} are not the task's; run `dvc repro`")
    return Truth([row["id"] for row in rows], numbers_of(rows, names))


def read_inputs(truth: Truth) -> list[Input]:
    """Read the test inputs, in the order of the labels; raise `DataError` if they are of other rows.

    Without labels there are none to tell of.
    """
    by_id: dict[str, Input] = {row["id"]: row for row in read_rows(paths.TEST_INPUTS, Input)}
    if truth.ids and set(by_id) != set(truth.ids):
        raise DataError(f"{paths.TEST_INPUTS}: not the rows of {paths.TEST_LABELS}; run `dvc repro`")
    return [by_id[row_id] for row_id in truth.ids]


def read_arm(arm: str, truth: Truth, names: list[str]) -> ArmPredictions | None:
    """Read an arm's predictions, in the order of the test rows; None if the data couldn't fill the arm.

    Raise `DataError` if they are of other rows or labels than the test set's.
    """
    trained = _metrics(f"train/{arm}", "train_rows", "real", "synthetic", "unlabelled", "student")
    if not trained["train_rows"]:
        return None
    path = paths.predictions(arm)
    by_seed = _by_seed(path, names)
    without_test_rows = not truth.ids and not by_seed
    probabilities = np.zeros((1, 0, len(names))) if without_test_rows else _in_order(path, by_seed, truth)
    return ArmPredictions(
        arm,
        int(trained["train_rows"]),
        probabilities,
        real=trained["real"],
        synthetic=trained["synthetic"],
        unlabelled=trained["unlabelled"],
        student=_student(trained),
        chosen_weights=bool(trained.get("weights")),
        texts_per_s=trained.get("texts_per_s"),
    )


def read_left_out() -> dict[str, str]:
    """Return why arms that the data can't fill were left out, by arm."""
    left_out: dict[str, str] = _metrics("arms", "left_out")["left_out"]
    return left_out


def read_minutes() -> dict[str, float | None]:
    """Return the minutes of writing and labelling that made each source's rows; None: not measured."""
    synthetic = [_metrics(name).get("seconds") for name in ("generate", "top_up", "filter")]
    unlabelled = _metrics("label").get("seconds")
    return {
        "synthetic": None if None in synthetic else sum(synthetic) / 60,
        "unlabelled": None if unlabelled is None else unlabelled / 60,
    }


def _student(trained: Mapping[str, Any]) -> str:
    """Return the student's name; with another encoder than the default one it is another student."""
    name, encoder = trained["student"], trained.get("encoder")
    return f"{name} on {encoder}" if encoder else str(name)


def _metrics(name: str, *keys: str) -> Any:
    """Read a metrics file that must have these keys."""
    path = paths.METRICS / f"{name}.json"
    content = read_json(path)
    if content is None:
        raise DataError(f"{path}: no such file; run `dvc repro`")
    if missing := [key for key in keys if key not in content]:
        raise DataError(f"{path}: {', '.join(missing)} missing; delete the file, and run `dvc repro`")
    return content


def _by_seed(path: Path, names: list[str]) -> dict[int, dict[str, list[float]]]:
    by_seed: dict[int, dict[str, list[float]]] = {}
    for row in read_rows(path, Prediction):
        if list(row["probabilities"]) != names:
            raise DataError(
                f"{path}: has the labels {list(row['probabilities'])} and not the task's, {names}; "
                "run `dvc repro`"
            )
        by_seed.setdefault(row["seed"], {})[row["id"]] = list(row["probabilities"].values())
    return by_seed


def _in_order(path: Path, by_seed: dict[int, dict[str, list[float]]], truth: Truth) -> Floats:
    """Return probabilities of the shape (seeds, test rows, labels)."""
    if not by_seed or any(set(by_id) != set(truth.ids) for by_id in by_seed.values()):
        raise DataError(f"{path}: predictions are not of the rows of {paths.TEST_LABELS}; run `dvc repro`")
    return np.array([[by_id[row_id] for row_id in truth.ids] for by_id in by_seed.values()])
