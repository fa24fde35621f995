"""Which rows students are judged by while they are chosen or calibrated: held-out real ones.

Made rows carry what is known of the real rows: scorers that were fitted to these labelled them, and chose
which have a clear label. So while a fold of the real rows is held out, made rows have the labels that scorers
give without it: those that then have no clear label are left out, and those that have one only then, the
unclear rows, are trained on. Otherwise the student would be too sure of itself.

Apart from the students, so that a forecast of the trainings needs no PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from labelmint.core.arrays import Ints, numbers_of
from labelmint.core.calibration import MIN_ROWS
from labelmint.core.folds import FOLDS
from labelmint.core.records import Labelled
from labelmint.encoder.data import HeldOut, folds_of
from labelmint.students.base import real_rows

MAX_VALIDATION_ROWS = 400
_ENOUGH_ROWS = 100
_UNCLEAR = -1  # the number of no label


def real_folds(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[HeldOut]:
    """Return the splits that hold out each fold of the real rows; none if these have fewer than two labels.

    A label's only real row is trained on all the time.
    """
    real = real_rows(rows)
    labels = _numbers([row["label"] for row in rows], names)
    if len(set(labels[real].tolist())) < 2:
        return []
    folds = np.array([row["fold"] if is_real else -1 for row, is_real in zip(rows, real, strict=True)])
    splits = []
    for fold in range(FOLDS):
        known = labels[real & (folds != fold)]
        held_out = real & (folds == fold) & np.isin(labels, known)
        without = [row["fold_labels"][fold] if "fold_labels" in row else row["label"] for row in rows]
        numbers = _numbers(without, names)
        train = ~held_out & (numbers != _UNCLEAR)
        if held_out.any():
            splits.append(HeldOut(np.flatnonzero(train), np.flatnonzero(held_out), numbers))
    return splits


def _numbers(labels: Sequence[str], names: Sequence[str]) -> Ints:
    return np.array([names.index(label) if label else _UNCLEAR for label in labels], np.int64)


def splits_of(rows: Sequence[Labelled], names: Sequence[str], seed: int) -> list[HeldOut]:
    """Return splits by which a student is judged; where there are real rows, these alone are held out.

    A fifth at a time is held out, until about 100 rows were. Empty where nothing can be held out.
    """
    real = real_rows(rows)
    one_kind = real.all() or not real.any()
    splits = _of_one_kind(numbers_of(rows, names), seed) if one_kind else real_folds(rows, names)
    counts = np.cumsum([0, *(len(split.held_out) for split in splits)])
    return [split for split, before in zip(splits, counts[:-1], strict=True) if before < _ENOUGH_ROWS]


def _of_one_kind(labels: Ints, seed: int) -> list[HeldOut]:
    """Return stratified folds, of which at most 400 rows are held out."""
    splits = []
    for train, held_out in folds_of(labels, FOLDS, seed):
        if len(held_out) > MAX_VALIDATION_ROWS:
            # A fold keeps the rows' order, in which labels stand in blocks.
            held_out = np.random.default_rng(seed).permutation(held_out)
        spare = held_out[MAX_VALIDATION_ROWS:]
        train = np.sort(np.concatenate([train, spare]))
        splits.append(HeldOut(train, held_out[:MAX_VALIDATION_ROWS], labels))
    return splits


def calibration_splits(rows: Sequence[Labelled], names: Sequence[str], seed: int) -> list[HeldOut]:
    """Return splits to fit a temperature by; empty where real rows are too few."""
    if not real_rows(rows).any():
        return []
    splits = splits_of(rows, names, seed)
    return splits if sum(len(split.held_out) for split in splits) >= MIN_ROWS else []


def head_splits(rows: Sequence[Labelled], names: Sequence[str]) -> list[HeldOut] | None:
    """Return the splits to fit a head's temperature by (see `fit_head`): None if all rows are real."""
    if real_rows(rows).all():
        return None
    splits = real_folds(rows, names)
    return splits if sum(len(split.held_out) for split in splits) >= MIN_ROWS else []


def training_rows(rows: Sequence[Labelled], split: HeldOut, names: Sequence[str]) -> list[Labelled]:
    """Return the rows that are trained on, with the labels that they have in this split."""
    return [cast(Labelled, {**rows[at], "label": names[split.labels[at]]}) for at in split.train]


def count_splits(rows: int) -> int:
    """Return about how many splits `splits_of` makes of arms with so many real rows, or made rows alone."""
    return min(FOLDS, math.ceil(_ENOUGH_ROWS * FOLDS / max(1, rows)))
