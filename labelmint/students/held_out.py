"""Which rows students are judged by while they are chosen or calibrated: held-out real ones.

Apart from the students, so that a forecast of the trainings needs no PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelmint.core.arrays import Ints
from labelmint.core.calibration import MIN_ROWS
from labelmint.core.records import Labelled
from labelmint.encoder.data import Split, count_splits, validation_splits
from labelmint.students.base import real_rows

MAX_VALIDATION_ROWS = 400
_CALIBRATION_SHARE = 0.2


def splits_of(rows: Sequence[Labelled], labels: Ints, share: float, seed: int) -> list[Split]:
    """Return (training, validation) places; where there are real rows, validation has these alone."""
    places = np.flatnonzero(real_rows(rows))
    if not len(places):
        places = np.arange(len(rows))
    splits = validation_splits(labels[places], share, MAX_VALIDATION_ROWS, seed)
    return [
        (np.setdiff1d(np.arange(len(rows)), places[validation]), places[validation])
        for _, validation in splits
    ]


def calibration_splits(rows: Sequence[Labelled], labels: Ints, seed: int) -> list[Split]:
    """Return (training, held-out) places to fit a temperature by; empty where real rows are too few.

    Real rows are held out at once where other rows are as many, else a fifth at a time, until about 100 were:
    encoders trained on half of 100 rows are less often right, and would make the temperature too high.
    """
    real = np.flatnonzero(real_rows(rows))
    if 2 * len(real) <= len(rows):
        splits = [(np.setdiff1d(np.arange(len(rows)), real), real)]
    else:
        splits = splits_of(rows, labels, _CALIBRATION_SHARE, seed)
    # A model says nothing of a label that it has never seen.
    splits = [(train, held_out[np.isin(labels[held_out], labels[train])]) for train, held_out in splits]
    enough = sum(len(held_out) for _, held_out in splits) >= MIN_ROWS
    return splits if enough and all(len(set(labels[train].tolist())) > 1 for train, _ in splits) else []


def calibration_trainings(real: int, rows: int) -> int:
    """Return about how many trainings a temperature takes, of an arm with so many real rows among all."""
    if real < MIN_ROWS:
        return 0
    return 1 if 2 * real <= rows else count_splits(_CALIBRATION_SHARE, real)
