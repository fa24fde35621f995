"""The CSV tables that DVC plots."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.evaluate.scores import ArmPredictions, Ints
from stages.records import atomic_file


def write_confusion(path: Path, arm: ArmPredictions, truth: Ints, names: list[str]) -> None:
    """Write true and predicted label of each test row, by the arm's first seed: the model that is kept."""
    with atomic_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["label", "predicted"])
        for real, said in zip(truth, arm.predicted[0], strict=True):
            writer.writerow([names[real], names[said]])


def write_learning_curve(path: Path, arms: Mapping[str, Any]) -> None:
    """Write the real learning curve: accuracy by number of real rows."""
    with atomic_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["rows", "accuracy", "ci_low", "ci_high"])
        points = [entry for arm, entry in arms.items() if arm.startswith("real")]
        for entry in sorted(points, key=lambda entry: entry["train_rows"]):
            score = entry["accuracy"]
            writer.writerow([entry["train_rows"], score["mean"], score["ci_low"], score["ci_high"]])
