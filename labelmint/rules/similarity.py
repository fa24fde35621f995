"""Which texts are alike? Exact Jaccard similarity of word 3-shingles, and cosines of vectors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import CountVectorizer

SHINGLE_WORDS = 3
# A text of fewer shingles is too short to call another one that holds it a copy ("one of the best").
MIN_CONTAINED_SHINGLES = 5
_BLOCK_ROWS = 2000
_COSINE_BLOCK_ROWS = 1000

Pair = tuple[int, int, float]  # left, right, similarity
Floats = npt.NDArray[np.float32]


def words_of(text: str) -> list[str]:
    """Return a text's words, case and punctuation aside."""
    return re.findall(r"\w+", text.casefold())


def shingles(text: str) -> list[str]:
    """Return a text's word 3-shingles, case and punctuation aside; a shorter text is one shingle."""
    words = words_of(text)
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


def near_duplicates_of(pairs: Iterable[Pair]) -> dict[int, tuple[int, float]]:
    """Return, of pairs within a list, each text's most similar earlier one that is itself no duplicate."""
    earlier: dict[int, list[tuple[int, float]]] = {}
    for i, j, similarity in pairs:
        if j < i:
            earlier.setdefault(i, []).append((j, similarity))
    duplicates: dict[int, tuple[int, float]] = {}
    for i in sorted(earlier):
        kept = [(j, similarity) for j, similarity in earlier[i] if j not in duplicates]
        if kept:
            duplicates[i] = max(kept, key=lambda pair: pair[1])
    return duplicates


def shingle_pairs(
    left: Sequence[str], right: Sequence[str], threshold: float, *, contained: bool
) -> list[Pair]:
    """Return all (left, right, similarity) at the threshold or above, right ascending within a left.

    `contained`: a text that holds the other whole counts too; the similarity is the larger of Jaccard's and
    the share of the smaller text's shingles that the other has.
    """
    if not left or not right:
        return []
    vectorizer = CountVectorizer(analyzer=shingles, binary=True, dtype=np.int32)
    matrix = vectorizer.fit_transform([*left, *right])
    a, b = matrix[: len(left)], matrix[len(left) :]
    sizes_a, sizes_b = (np.asarray(part.sum(axis=1)).ravel() for part in (a, b))
    pairs: list[Pair] = []
    for start in range(0, len(left), _BLOCK_ROWS):
        common: Any = (a[start : start + _BLOCK_ROWS] @ b.T).tocoo()
        rows, columns = common.row + start, common.col
        smaller = np.minimum(sizes_a[rows], sizes_b[columns])
        similarity = common.data / (sizes_a[rows] + sizes_b[columns] - common.data)
        if contained:
            whole = np.where(smaller >= MIN_CONTAINED_SHINGLES, common.data / smaller, 0)
            similarity = np.maximum(similarity, whole)
        near = np.flatnonzero(similarity >= threshold)
        near = near[np.lexsort((columns[near], rows[near]))]
        pairs += [(int(rows[at]), int(columns[at]), float(similarity[at])) for at in near]
    return pairs


def cosine_pairs(left: Floats, right: Floats, threshold: float) -> list[Pair]:
    """Return all (left, right, cosine) of unit vectors at the threshold or above, in order."""
    pairs: list[Pair] = []
    if not len(left) or not len(right):
        return pairs
    for start in range(0, len(left), _COSINE_BLOCK_ROWS):
        cosines = left[start : start + _COSINE_BLOCK_ROWS] @ right.T
        rows, columns = np.nonzero(cosines >= threshold)
        pairs += [
            (int(i) + start, int(j), min(1.0, float(cosine)))
            for i, j, cosine in zip(rows, columns, cosines[rows, columns], strict=True)
        ]
    return pairs
