"""Temperature scaling (Guo et al. 2017): logits divided by one number, so that 0.8 is right 8 times in 10."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from labelmint.core.arrays import Floats, Ints

# With fewer rows, scaling brought as much as it took away (MiniLM, 30 film reviews, 12 draws).
MIN_ROWS = 30
_LIMIT = math.log(5)
# Counts as much as one row. With 30 real rows beside 384 synthetic ones the calibration error is 0.052, and
# 0.062 without it; with 100 there is no difference.
_PENALTY = 1.0


def fit_temperature(logits: Floats, labels: Ints, weights: Floats | None = None) -> float:
    """Return the temperature that makes the labels most likely, 1/5 to 5; 1 for fewer than 30 rows.

    Parameters
    ----------
    logits : shape (rows, labels)
        Of rows that the model wasn't trained on; also log-probabilities.
    labels : shape (rows,)
        Right ones: those of a language model would make the classifier sure of what they have in common.
    weights : shape (rows,)
        How much each row counts; equal if missing.
    """
    if len(labels) < MIN_ROWS:
        return 1.0
    rows = np.arange(len(labels))
    counts = np.ones(len(labels)) if weights is None else weights
    wide = np.asarray(logits, np.float64)

    def loss(log_temperature: float) -> float:
        likelihood = log_softmax(wide / math.exp(log_temperature), axis=1)[rows, labels]
        return float(-(counts * likelihood).sum() + _PENALTY * log_temperature**2)

    return math.exp(minimize_scalar(loss, bounds=(-_LIMIT, _LIMIT), method="bounded").x)
