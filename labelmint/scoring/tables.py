"""The CSV tables that DVC plots."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labelmint.core.records import atomic_file
from labelmint.scoring.scores import ArmPredictions, Ints, reliability

_KINDS = ("real", "mixed", "synthetic")


def write_confusion(path: Path, arm: ArmPredictions, truth: Ints, names: list[str]) -> None:
    """Write true and predicted label of each test row, by the arm's first seed: the model that is kept."""
    rows = zip(truth, arm.predicted[0], strict=True)
    _write(path, ["label", "predicted"], ([names[true], names[given]] for true, given in rows))


def write_learning_curve(path: Path, arms: Mapping[str, Any]) -> None:
    """Write the learning curves of the main arm's student, from evaluate.json's arms: accuracy by rows.

    `kind` says which rows they are; mixed arms count their real rows too.
    """
    points: dict[str, list[Mapping[str, Any]]] = {kind: [] for kind in _KINDS}
    for entry in arms.values():
        if entry["main_student"]:
            points[_kind(entry)].append(entry)
    rows = []
    for kind, entries in points.items():
        for entry in sorted(entries, key=lambda entry: int(entry["train_rows"])):
            score = entry["accuracy"]
            rows.append([kind, entry["train_rows"], score["mean"], score["ci_low"], score["ci_high"]])
    _write(path, ["kind", "rows", "accuracy", "ci_low", "ci_high"], rows)


def _kind(entry: Mapping[str, Any]) -> str:
    if not entry["synthetic"]:
        return "real"
    return "mixed" if entry["real"] else "synthetic"


def write_reliability(path: Path, arms: Sequence[ArmPredictions], truth: Ints) -> None:
    """Write how often answers of similar confidence are right; `rows` counts the answers of all seeds."""
    rows = [
        [arm.arm, number, round(confidence, 4), round(accuracy, 4), count]
        for arm in arms
        for number, confidence, accuracy, count in reliability(arm.probabilities, truth)
    ]
    _write(path, ["arm", "bin", "confidence", "accuracy", "rows"], rows)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with atomic_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
