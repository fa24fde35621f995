"""Which texts have much in common? Found exactly, without looking at every pair.

Two texts whose common parts weigh much share a *rare* part: each text is looked up under its rarest parts
alone (prefix filtering, Chaudhuri et al. 2006, Bayardo et al. 2007), and common words make no pairs. 100,000
texts take minutes and little memory; all their pairs would be 5 billion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from labelmint.core.arrays import Bools, Floats, Ints

# Products of one block, a hundred bytes each; and its rows, whose pairs within the block are all looked at.
_BLOCK_PRODUCTS, _BLOCK_ROWS = 2_000_000, 1000
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
    order = np.argsort(_counts(left) + _counts(right), kind="stable")
    one = _Side.of(left, order, weights, share)
    other = one if right is left else _Side.of(right, order, weights, share)
    products = np.asarray(one.prefixes.astype(bool) @ _counts(other.prefixes)).ravel()
    for start, end in blocks_of(products):
        places = np.arange(len(other.totals)) if dropped is None else np.flatnonzero(~dropped[:end])
        common = (one.prefixes[start:end] @ other.prefixes[places].astype(bool).T).tocoo()
        rows, columns, data = common.row + start, places[common.col], common.data
        wanted = share * (one.totals[rows] + other.totals[columns]) - _SLACK
        # What is common outside both prefixes lies behind the one that ends first.
        rest = np.where(one.ends[rows] <= other.ends[columns], one.rests[rows], other.rests[columns])
        possible = data + rest >= wanted
        if dropped is not None:
            possible &= columns < rows
        rows, columns, wanted = rows[possible], columns[possible], wanted[possible]
        # A prefix of a share of 0 is the whole text.
        weight = _common_weight(one.parts, other.parts, rows, columns) if share else data[possible]
        near = np.flatnonzero(weight >= wanted)
        near = near[np.lexsort((columns[near], rows[near]))]
        yield rows[near], columns[near], weight[near]


def blocks_of(products: Ints) -> Iterator[tuple[int, int]]:
    """Yield the ranges of rows whose products together fit into memory."""
    start, total = 0, np.concatenate([[0], np.cumsum(products)])
    while start < len(products):
        end = int(np.searchsorted(total, total[start] + _BLOCK_PRODUCTS, side="right")) - 1
        end = min(max(end, start + 1), start + _BLOCK_ROWS, len(products))
        yield start, end
        start = end


@dataclass(frozen=True)
class _Side:
    """Texts as their weighted parts, the rarest first, and as the prefixes of these.

    `totals` are the texts' weights, `rests` what lies behind the prefixes, `ends` the prefixes' last parts.
    """

    parts: Any
    prefixes: Any
    totals: Floats
    rests: Floats
    ends: Ints

    @classmethod
    def of(cls, matrix: Any, order: Ints, weights: Floats, share: float) -> _Side:
        parts = csr_matrix(matrix, copy=False)[:, order].astype(np.float64)
        parts.sort_indices()
        parts.data = weights[order][parts.indices]
        text = np.repeat(np.arange(parts.shape[0]), np.diff(parts.indptr))
        totals: Floats = np.bincount(text, parts.data, parts.shape[0]).astype(np.float64)
        before = np.cumsum(parts.data) - parts.data
        before -= (np.cumsum(totals) - totals)[text]
        # If the first common part stood behind these, what follows it could not weigh enough.
        chosen = totals[text] - before >= share / (1 - share) * totals[text] - _SLACK
        sizes = np.bincount(text[chosen], minlength=parts.shape[0])
        pointers = np.concatenate([[0], np.cumsum(sizes)])
        prefixes = csr_matrix((parts.data[chosen], parts.indices[chosen], pointers), parts.shape)
        rests: Floats = totals - np.bincount(text[chosen], parts.data[chosen], parts.shape[0])
        ends = np.full(parts.shape[0], -1)
        ends[sizes > 0] = prefixes.indices[pointers[1:][sizes > 0] - 1]
        return cls(parts, prefixes, totals, rests, ends)


def _counts(matrix: Any) -> Ints:
    """Return how many texts have each part."""
    return np.bincount(matrix.indices, minlength=matrix.shape[1])


def _common_weight(left: Any, right: Any, rows: Ints, columns: Ints) -> Floats:
    """Return the weights of the parts that the texts of each pair have in common."""
    sums = [np.zeros(0)]
    for start in range(0, len(rows), _BLOCK_ROWS * 50):
        part = slice(start, start + _BLOCK_ROWS * 50)
        common = left[rows[part]].multiply(right[columns[part]].astype(bool))
        sums.append(np.asarray(common.sum(axis=1)).ravel())
    return np.concatenate(sums)
