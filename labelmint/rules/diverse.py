"""Rows that cover most: each next one is the farthest from all that are chosen (Gonzalez 1985, k-center)."""

from __future__ import annotations

import numpy as np

from labelmint.encoder.vectors import Floats as Features


def farthest_first(vectors: Features, count: int) -> list[int]:
    """Return the places of `count` rows, the most central first, then the farthest from those chosen.

    Fewer rows are the first ones of more. Equals come in their order. O(rows · count).
    """
    if not count:
        return []
    chosen = [int((vectors @ vectors.mean(axis=0)).argmax())]
    nearest = vectors @ vectors[chosen[0]]
    while len(chosen) < min(count, len(vectors)):
        # Above any cosine: a chosen row is never the farthest.
        nearest[chosen[-1]] = 2
        chosen.append(int(nearest.argmin()))
        np.maximum(nearest, vectors @ vectors[chosen[-1]], out=nearest)
    return chosen
