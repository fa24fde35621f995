"""How long fine-tuning runs; apart from it, so that a forecast needs no PyTorch."""

from __future__ import annotations

import math

from labelmint.core.params import Train

# Small arms run more epochs until they took this many steps; large arms run fewer, but at least one.
MIN_STEPS, MAX_STEPS = 30, 600


def steps_of(config: Train, rows: int) -> int:
    """Return the steps of one epoch."""
    return math.ceil(rows / config.batch_rows)


def planned_epochs(config: Train, rows: int) -> int:
    """Return the epochs of the schedule: `epochs`, but more or fewer to stay within MIN_ and MAX_STEPS."""
    steps = steps_of(config, rows)
    most = max(1, MAX_STEPS // steps)
    return min(max(config.epochs, math.ceil(MIN_STEPS / steps)), most)
