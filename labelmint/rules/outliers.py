"""Rows that are like no real row: farther from the nearest ones than real rows are from each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmint.core.records import Input, texts_of
from labelmint.encoder.vectors import Floats as Features

# The mean of a few neighbours: one odd real row must not vouch for what is odd in the same way.
NEIGHBOURS = 3
_BLOCK_ROWS = 2000

Floats = npt.NDArray[np.float64]
Evidence = dict[str, Any]


def outliers(
    vectors: Features, real: Sequence[Input], real_vectors: Features, quantile: float
) -> dict[int, Evidence]:
    """Return the places of the rows that are farther from the real rows than `quantile` of those are.

    The threshold is conformal (Vovk et al. 2005): of rows like the real ones at most 1 - quantile are beyond
    it. With too few real rows to say so (99 for 0.99) nothing is an outlier.
    """
    threshold = threshold_of(real_vectors, quantile)
    if threshold == math.inf:
        return {}
    found: dict[int, Evidence] = {}
    for start in range(0, len(vectors), _BLOCK_ROWS):
        near = vectors[start : start + _BLOCK_ROWS] @ real_vectors.T
        far = distances(near)
        for at in np.flatnonzero(far > threshold):
            twin = real[int(near[at].argmax())]
            found[start + int(at)] = {
                "distance": round(float(far[at]), 4),
                "threshold": round(threshold, 4),
                "real": twin["id"],
                "real_text": " / ".join(texts_of(twin)),
            }
    return found


def threshold_of(real_vectors: Features, quantile: float) -> float:
    """Return the distance that a share `quantile` of the real rows keeps to the others; infinite: none is."""
    rows = len(real_vectors)
    # A small subtraction: 0.99 · 100 must not come out above 99.
    rank = math.ceil(quantile * (rows + 1) - 1e-9)
    if rows <= NEIGHBOURS or rank > rows:
        return math.inf
    near = real_vectors @ real_vectors.T
    np.fill_diagonal(near, -np.inf)
    return float(np.sort(distances(near))[max(rank, 1) - 1])


def distances(similarities: Features) -> Floats:
    """Return each row's mean cosine distance to its nearest columns."""
    nearest = np.partition(similarities, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
    return np.asarray(1 - nearest.astype(np.float64).mean(axis=1))
