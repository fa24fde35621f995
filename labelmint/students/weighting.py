"""How much each row of an arm counts in training: one function for each value of an arm's `weights`.

A new weighting is one file with a `Weigh` function, one line here and its name in `Arm.weights`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from labelmint.core.arrays import Floats, Floats32
from labelmint.core.params import Arm, Train
from labelmint.core.records import ArmRow
from labelmint.encoder.vectors import embed_by_source
from labelmint.students.importance import dimp, imp
from labelmint.students.sources import by_source

# Of an arm, its rows, the names of all labels, the encoder's vectors (rows, width), and a seed.
# Returns the rows' weights, shape (rows,), and how they were found, for metrics/train/<arm>.json.
Weigh = Callable[[Arm, Sequence[ArmRow], Sequence[str], Floats32, int], tuple[Floats, dict[str, Any]]]
WEIGHTINGS: dict[str, Weigh] = {"chosen": by_source, "imp": imp, "dimp": dimp}


def weigh(
    arm: Arm,
    rows: Sequence[ArmRow],
    unclear: Sequence[ArmRow],
    names: Sequence[str],
    config: Train,
    seed: int,
) -> tuple[Sequence[ArmRow], Sequence[ArmRow], dict[str, Any]]:
    """Return the rows and the unclear rows with the weights that the arm says, and how these were found.

    What weighs row by row needs each row's label, and leaves the unclear rows as they are.
    """
    if arm.weights == "equal":
        return rows, unclear, {}
    all_rows = [*rows, *unclear] if arm.weights == "chosen" else rows
    weights, summary = WEIGHTINGS[arm.weights](arm, all_rows, names, embed_by_source(config, all_rows), seed)
    first, others = weights[: len(rows)], weights[len(rows) :]
    return weighted(rows, first), weighted(unclear, others) if len(others) else unclear, summary


def weighted(rows: Sequence[ArmRow], weights: Floats) -> list[ArmRow]:
    """Return the rows with their weights, without those of weight 0."""
    return [
        row if weight == 1 else cast(ArmRow, {**row, "weight": weight})
        for row, weight in zip(rows, weights.tolist(), strict=True)
        if weight
    ]
