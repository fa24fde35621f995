"""Which texts are alike? Exact Jaccard similarity of word 3-shingles, and cosines of vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from labelmint.core.arrays import Bools, Floats32
from labelmint.rules.overlaps import blocks, overlapping

SHINGLE_WORDS = 3
# A text of fewer shingles is too short to call another one that holds it a copy ("one of the best").
MIN_CONTAINED_SHINGLES = 5
# Rows, and cosines, that are computed at once.
_COSINE_BLOCK_ROWS, _COSINE_BLOCK = 1000, 10_000_000

Words = Sequence[str]  # of one text
Pair = tuple[int, int, float]  # left, right, similarity


def shingles(words: Words) -> list[str]:
    """Return a text's word 3-shingles; a shorter text is one shingle."""
    if len(words) < SHINGLE_WORDS:
        return [" ".join(words)]
    return [" ".join(words[at : at + SHINGLE_WORDS]) for at in range(len(words) - SHINGLE_WORDS + 1)]


def best_of(pairs: Iterable[Pair]) -> dict[int, tuple[int, float]]:
    """Return each left text's most similar right text, and the similarity; of equals the first."""
    best: dict[int, tuple[int, float]] = {}
    for i, j, similarity in pairs:
        if i not in best or similarity > best[i][1]:
            best[i] = (j, similarity)
    return best


def near_duplicates_of(
    pairs_of: Callable[[Bools], Iterable[Pair]], texts: int
) -> dict[int, tuple[int, float]]:
    """Return each text's most similar earlier one that is itself no duplicate; of equals the first.

    `pairs_of(dropped)` gives the pairs of a text and an earlier one, by the text; it may leave out pairs with
    earlier texts that are marked as `dropped` by then.
    """
    dropped = np.zeros(texts, np.bool_)
    duplicates: dict[int, tuple[int, float]] = {}
    for i, j, similarity in pairs_of(dropped):
        # Of a text's own pairs only the first marks it, and all others are with earlier texts.
        if not dropped[j] and (i not in duplicates or similarity > duplicates[i][1]):
            duplicates[i], dropped[i] = (j, similarity), True
    return duplicates


def shingle_pairs(
    left: Sequence[Words], right: Sequence[Words], threshold: float, dropped: Bools | None = None
) -> Iterator[Pair]:
    """Yield all (left, right, similarity) at the threshold or above, right ascending within a left.

    Between two lists a text that holds the other whole counts too: the similarity is the larger of Jaccard's
    and the share of the smaller text's shingles that the other has. `dropped`: see `overlapping`.
    """
    if not left or not right:
        return
    vectorizer = CountVectorizer(analyzer=shingles, binary=True, dtype=np.int32)
    matrix = vectorizer.fit_transform(left if right is left else [*left, *right])
    a = matrix[: len(left)]
    b = a if right is left else matrix[len(left) :]
    sizes_a, sizes_b = (np.diff(part.indptr) for part in (a, b))
    contained = dropped is None
    share = 0.0 if contained else threshold / (1 + threshold)
    for rows, columns, common in overlapping(a, b, np.ones(a.shape[1]), share, dropped):
        similarity = common / (sizes_a[rows] + sizes_b[columns] - common)
        if contained:
            smaller = np.minimum(sizes_a[rows], sizes_b[columns])
            whole = np.where(smaller >= MIN_CONTAINED_SHINGLES, common / smaller, 0)
            similarity = np.maximum(similarity, whole)
        yield from _near(rows, columns, similarity, threshold)


def cosine_pairs(
    left: Floats32, right: Floats32, threshold: float, dropped: Bools | None = None
) -> Iterator[Pair]:
    """Yield all (left, right, cosine) of unit vectors at the threshold or above, in order.

    `dropped`: see `overlapping`.
    """
    if not len(left) or not len(right):
        return
    size = max(1, min(_COSINE_BLOCK_ROWS, _COSINE_BLOCK // len(right)))
    for block, places in blocks(len(left), len(right), size, dropped):
        cosines = left[block] @ right[places].T
        at, to = np.nonzero(cosines >= threshold)
        rows, columns, cosine = at + block.start, places[to], np.minimum(cosines[at, to], 1)
        earlier = slice(None) if dropped is None else columns < rows
        yield from _near(rows[earlier], columns[earlier], cosine[earlier], threshold)


def _near(rows: Any, columns: Any, similarity: Any, threshold: float) -> Iterator[Pair]:
    near = np.flatnonzero(similarity >= threshold)
    found = zip(rows[near].tolist(), columns[near].tolist(), similarity[near].tolist(), strict=True)
    yield from found
