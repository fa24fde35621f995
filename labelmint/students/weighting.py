"""How much each row of an arm counts in training: one function for each value of an arm's `weights`.

A new weighting is one file with a `Weigh` function, one line here and its name in `Arm.weights`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, cast

from labelmint.core.arrays import Floats, Floats32, Ints
from labelmint.core.params import Arm, Train
from labelmint.core.records import ArmRow
from labelmint.encoder.vectors import embed_by_source
from labelmint.students.base import label_numbers

WEIGHTINGS = {
    "chosen": "labelmint.students.sources:by_source",
    "imp": "labelmint.students.importance:imp",
    "dimp": "labelmint.students.importance:dimp",
}


@dataclass(frozen=True)
class Weighed:
    """The rows' weights, shape (rows,), and how they were found, for metrics/train/<arm>.json."""

    weights: Floats
    summary: dict[str, Any]


# Of an arm, its rows, the numbers of their labels (rows,), the encoder's vectors (rows, width), and a seed.
Weigh = Callable[[Arm, Sequence[ArmRow], Ints, Floats32, int], Weighed]


def weigh(
    arm: Arm, rows: Sequence[ArmRow], names: Sequence[str], config: Train, seed: int
) -> tuple[Sequence[ArmRow], dict[str, Any]]:
    """Return the rows with the weights that the arm says, and how these were found."""
    if arm.weights == "equal":
        return rows, {}
    labels, features = label_numbers(rows, names), embed_by_source(config, rows)
    found = cast(Weigh, resolve_name(WEIGHTINGS[arm.weights]))(arm, rows, labels, features, seed)
    return weighted(rows, found.weights), found.summary


def weighted(rows: Sequence[ArmRow], weights: Floats) -> list[ArmRow]:
    """Return the rows with their weights, without those of weight 0."""
    return [
        row if weight == 1 else cast(ArmRow, {**row, "weight": weight})
        for row, weight in zip(rows, weights.tolist(), strict=True)
        if weight
    ]
