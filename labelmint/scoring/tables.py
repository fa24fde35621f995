"""The CSV tables that DVC plots."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labelmint.core.arrays import Ints
from labelmint.core.files import atomic_file
from labelmint.scoring.scores import ArmPredictions, reliability

_KINDS = ("real", "mixed", "synthetic", "unlabelled")


def write_confusion(path: Path, arm: ArmPredictions, truth: Ints, names: list[str]) -> None:
    """Write true and predicted label of each test row, by the arm's first seed: the model that is kept."""
    rows = zip(truth, arm.predicted[0], strict=True)
    _write(path, ["label", "predicted"], ([names[true], names[given]] for true, given in rows))


def write_learning_curve(path: Path, result: Mapping[str, Any]) -> None:
    """Write the learning curves of the main arm's student, from evaluate.json: the headline's score by rows.

    `kind` says which rows they are; mixed arms count their real rows too.
    """
    rows = []
    for arm in result["arms"].values() if result["test_rows"] else ():
        if arm["main_student"]:
            score = arm[result["metric"]]
            rows.append(
                [arm["kind"], arm["train_rows"], *(score[key] for key in ("mean", "ci_low", "ci_high"))]
            )
    rows.sort(key=lambda row: (_KINDS.index(row[0]), row[1]))
    _write(path, ["kind", "rows", "score", "ci_low", "ci_high"], rows)


def write_reliability(path: Path, arms: Sequence[ArmPredictions], truth: Ints) -> None:
    """Write how often answers of similar confidence are right; `rows` counts the answers of all seeds."""
    rows = [
        [arm.arm, number, round(confidence, 4), round(accuracy, 4), count]
        for arm in arms
        for number, confidence, accuracy, count in reliability(arm.probabilities, truth)
    ]
    _write(path, ["arm", "bin", "confidence", "accuracy", "rows"], rows)


def write_escalation(path: Path, curves: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Write the scores by the share of rows that the main arm passes on, by the arm that then answers."""
    columns = ["share", "accuracy", "macro_f1"]
    rows = [[arm, *(point[key] for key in columns)] for arm, curve in curves.items() for point in curve]
    _write(path, ["fallback", *columns], rows)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with atomic_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
