"""How long and how often fine-tuning runs; apart from it, so that a forecast needs no PyTorch."""

from __future__ import annotations

import math

from labelmint.core.params import Train

# Small arms run more epochs until they took this many steps; large arms run fewer, but at least one.
MIN_STEPS, MAX_STEPS = 30, 600
# Of an arm of mostly real rows, for the temperature. _MIN_HELD_OUT_ROWS is that of `validation_splits`.
HELD_OUT_PARTS, MAX_HELD_OUT_ROWS = 5, 400
_MIN_HELD_OUT_ROWS = 100


def steps_of(config: Train, rows: int) -> int:
    """Return the steps of one epoch."""
    return math.ceil(rows / config.batch_rows)


def planned_epochs(config: Train, rows: int) -> int:
    """Return the epochs of the schedule: `epochs`, but more or fewer to stay within MIN_ and MAX_STEPS."""
    steps = steps_of(config, rows)
    most = max(1, MAX_STEPS // steps)
    return min(max(config.epochs, math.ceil(MIN_STEPS / steps)), most)


def calibration_trainings(real: int, rows: int) -> int:
    """Return about how many trainings the temperature takes, of an arm with so many real rows among all."""
    if 2 * real <= rows:
        return 1
    return min(HELD_OUT_PARTS, math.ceil(_MIN_HELD_OUT_ROWS * HELD_OUT_PARTS / real))
