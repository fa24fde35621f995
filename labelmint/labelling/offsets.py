"""Take a scorer's preference for some labels out of its scores.

A language model prefers some labels whatever the text, and so does a sum of scorers. One offset per label is
chosen such that the mean probability of each label is its share of the rows (prior matching, Liusie et al.
2023): an equal mean score would do for balanced labels, but give a rare label as many texts as a common one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from labelmint.core.arrays import Floats, Ints, numbers_of
from labelmint.core.records import Labelled


def label_shares(names: Sequence[str], rows: Sequence[Labelled]) -> Floats:
    """Return the labels' shares of the rows, equal if there are none; no row counts as half of one."""
    return shares_of(numbers_of(rows, names), len(names))


def shares_of(labels: Ints, count: int) -> Floats:
    """Return the same of the labels' numbers, of which there are `count`."""
    rows = np.maximum(np.bincount(labels, minlength=count), 0.5)
    return np.asarray(rows / rows.sum())


def matching_offsets(
    scores: Floats, shares: Floats, weights: Floats | None = None, penalty: float = 0.0
) -> Floats:
    """Return the offsets, of mean 0, with which the mean probability of each label is its share.

    They are to be subtracted from `scores`, log-probabilities of shape (rows, labels); without rows they are
    0. `weights` say how much each row counts in the mean; equal if missing. A `penalty` of their squares
    keeps offsets near 0 that few rows can't tell.
    """
    if not len(scores):
        return np.zeros(len(shares))

    weights = np.ones(len(scores)) if weights is None else weights

    # Its gradient is mean probability minus share: convex, so the offsets are the only ones.
    def loss(shift: Floats) -> tuple[float, Floats]:
        shifted = scores + shift
        value = float(np.average(logsumexp(shifted, axis=1), weights=weights) - shares @ shift)
        slope = np.average(softmax(shifted, axis=1), axis=0, weights=weights) - shares
        return value + penalty * float(shift @ shift), slope + 2 * penalty * shift

    best = minimize(loss, np.zeros(len(shares)), jac=True, method="BFGS", options={"gtol": 1e-6}).x
    return np.asarray(best.mean() - best)
