"""Which texts have much in common? Found exactly, by products of sparse matrices, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from labelmint.core.arrays import Bools, Floats, Ints

# Of one block: the pairs that may have something in common, forty bytes each, and the left texts.
_BLOCK_PAIRS, _BLOCK_ROWS = 5_000_000, 1000
# Sums of weights are rounded.
_SLACK = 1e-6


def overlapping(
    left: Any, right: Any, weights: Floats, share: float, dropped: Bools | None = None
) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Yield, in blocks, the pairs whose common parts weigh `share` (≤ 0.5) of both texts' weights or more.

    Parameters
    ----------
    left, right : sparse, shapes (texts, parts)
        1 where a text has a part; pairs without a common part are none.
    weights : shape (parts,)
    dropped : shape (texts,)
        Of pairs within one list, given twice: only those whose right text comes before the left one and isn't
        marked here. The caller marks texts as it goes.

    Yields
    ------
    left places, right places, common weights
        Left ascending over all blocks, right ascending within a left.
    """
    parts, others = left.multiply(weights).tocsr(), right.astype(bool)
    totals, other_totals = left @ weights, right @ weights
    size = max(1, min(_BLOCK_ROWS, _BLOCK_PAIRS // right.shape[0]))
    for block, places in blocks(left.shape[0], right.shape[0], size, dropped):
        common = (parts[block] @ others[places].T).tocoo()
        rows, columns, weight = common.row + block.start, places[common.col], common.data
        near = weight >= share * (totals[rows] + other_totals[columns]) - _SLACK
        if dropped is not None:
            near &= columns < rows
        rows, columns, weight = rows[near], columns[near], weight[near]
        order = np.lexsort((columns, rows))
        yield rows[order], columns[order], weight[order]


def blocks(left: int, right: int, size: int, dropped: Bools | None) -> Iterator[tuple[slice, Ints]]:
    """Yield blocks of so many of the left texts, with the places of the right ones to compare them with.

    `dropped`: see `overlapping`; it is looked at as each block is asked for.
    """
    for start in range(0, left, size):
        end = start + size
        yield slice(start, end), np.arange(right) if dropped is None else np.flatnonzero(~dropped[:end])
