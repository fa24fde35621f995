"""Training sets of the arms, as params.yaml declares them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from labelmint.core.params import Arm
from labelmint.core.records import ArmRow, Kept, Labelled, input_of


def training_sets(
    arms: Mapping[str, Arm],
    train: Sequence[Labelled],
    pool: Sequence[Labelled],
    kept: Sequence[Kept],
    seed: int,
) -> tuple[dict[str, list[ArmRow]], dict[str, str]]:
    """Return the rows of every arm, and why some arms have none.

    Real rows come first. Sets of other sizes are nested: real ones are the first of train and pool, synthetic
    ones the first of `nested_order`, in the order in which they were kept.
    """
    real = [_arm_row(row, row["label"], "real") for row in [*train, *pool]]
    synthetic = [_arm_row(row, row["judged_label"], "synthetic") for row in kept]
    order = nested_order(synthetic, seed)
    sets: dict[str, list[ArmRow]] = {}
    left_out: dict[str, str] = {}
    for name, arm in arms.items():
        real_rows, synthetic_rows = _size(arm.real, train), _size(arm.synthetic, kept)
        missing = _missing("real", real_rows, real) or _missing("synthetic", synthetic_rows, synthetic)
        if not real_rows + synthetic_rows:
            missing = "there are no rows"
        if missing:
            sets[name], left_out[name] = [], missing
            continue
        sets[name] = real[:real_rows] + [synthetic[place] for place in sorted(order[:synthetic_rows])]
    return sets, left_out


def _arm_row(row: Labelled, label: str, source: str) -> ArmRow:
    return ArmRow(**input_of(row), label=label, source=source)


def _size(wanted: Literal["all"] | int, rows: Sequence[Labelled]) -> int:
    return len(rows) if wanted == "all" else wanted


def _missing(kind: str, wanted: int, rows: Sequence[ArmRow]) -> str:
    return f"it needs {wanted} {kind} rows, and there are {len(rows)}" if wanted > len(rows) else ""


def nested_order(rows: Sequence[ArmRow], seed: int) -> list[int]:
    """Return the rows' places in a seeded order whose every prefix has the labels in the shares of the whole.

    Each label's rows are spread evenly over the order. Shares of n rows, rounded for each n by itself, would
    not be nested: more rows can give a label fewer (the Alabama paradox).
    """
    shuffled = list(range(len(rows)))
    random.Random(f"{seed}:curve").shuffle(shuffled)
    total = Counter(row["label"] for row in rows)
    taken: Counter[str] = Counter()
    due = {}
    for place in shuffled:
        label = rows[place]["label"]
        due[place] = (taken[label] + 0.5) / total[label]
        taken[label] += 1
    return sorted(shuffled, key=lambda place: (due[place], rows[place]["label"]))
