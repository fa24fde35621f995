"""Which texts are edits of each other? The share of words that stand in the same order in both.

A swapped, dropped or added word breaks three of a short text's few shingles, but takes one of its words.
Words count by how rare they are (inverse document frequency): texts that share "it is a … of the" say
different things, texts that share the rest are one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer
from threadpoolctl import threadpool_limits

from labelmint.rules.similarity import Pair, words_of

_BLOCK_ROWS = 500
# Words in more of the texts go through a dense product: "the" alone makes a third of all pairs.
_FREQUENT_SHARE = 0.02
# The bound is in single precision.
_SLACK = 1e-4

Weights = Mapping[str, float]


def edited_pairs(
    left: Sequence[str], right: Sequence[str], threshold: float, *, earlier: bool = False
) -> list[Pair]:
    """Return all (left, right, similarity) at the threshold or above, right ascending within a left.

    Twice the weight of the longest common subsequence of words, divided by the weights of both texts. It is
    computed for pairs alone whose common words, in any order, would suffice; no pair is missed by that.
    `earlier`: of pairs within one list, given twice, only those whose right text comes before the left one.
    """
    bags = _Bags(left, right)
    words = [[words_of(text) for text in texts] for texts in (left, right)]
    pairs: list[Pair] = []
    for i, j in bags.possible(threshold - _SLACK):
        if earlier and j >= i:
            continue
        one, other = words[0][i], words[1][j]
        similarity = order_similarity(one, other, bags.weights)
        if similarity >= threshold:
            pairs.append((i, j, similarity))
    return pairs


def order_similarity(one: Sequence[str], other: Sequence[str], weights: Weights) -> float:
    """Return the weighted share of the words that stand in both in the same order, from 0 to 1."""
    total = sum(weights[word] for word in one) + sum(weights[word] for word in other)
    if not total:
        return 0.0
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    common = sum(weights[word] for word in one[:same])
    one, other = one[same:], other[same:]
    row = [0.0] * (len(other) + 1)
    for word in one:
        before, weight = row, weights[word]
        row = [0.0]
        for at, met in enumerate(other):
            row.append(before[at] + weight if met == word else max(before[at + 1], row[at]))
    return min(1.0, 2 * (common + row[-1]) / total)


class _Bags:
    """Both sides as weighted bags of words, each occurrence of a word for itself.

    Attributes
    ----------
    weights : mapping
        Inverse document frequency by word, over both sides.
    """

    def __init__(self, left: Sequence[str], right: Sequence[str]) -> None:
        self.weights: Weights = {}
        self._sides: list[Any] = []
        if not any(map(words_of, left)) or not any(map(words_of, right)):
            return
        vectorizer = CountVectorizer(analyzer=_numbered, binary=True, dtype=np.float32)
        bags = csr_matrix(vectorizer.fit_transform([*left, *right]))
        texts_with = np.asarray(bags.sum(axis=0)).ravel()
        documents = {
            word: texts_with[at] for (word, number), at in vectorizer.vocabulary_.items() if number == 1
        }
        rows = bags.shape[0]
        self.weights = {
            word: float(np.log((1 + rows) / (1 + count)) + 1) for word, count in documents.items()
        }
        roots = np.zeros(len(texts_with), np.float32)
        for (word, _), at in vectorizer.vocabulary_.items():
            roots[at] = np.sqrt(self.weights[word])
        bags = bags.multiply(roots).tocsr()
        self._totals = np.asarray(bags.multiply(bags).sum(axis=1)).ravel()
        frequent = texts_with > _FREQUENT_SHARE * rows
        dense, rare = bags[:, frequent].toarray(), bags[:, ~frequent].tocsr()
        self._sides = [(dense[part], rare[part]) for part in (slice(len(left)), slice(len(left), None))]

    def possible(self, bound: float) -> list[tuple[int, int]]:
        """Return the (left, right) whose common words weigh enough, whatever their order."""
        if not self._sides:
            return []
        (dense_a, rare_a), (dense_b, rare_b) = self._sides
        totals_a, totals_b = self._totals[: len(dense_a)], self._totals[len(dense_a) :]
        other_way = rare_b.T.tocsr()
        pairs: list[tuple[int, int]] = []
        # The BLAS's threads wait for each other in busy loops, and these products are small.
        with threadpool_limits(1):
            for start in range(0, len(dense_a), _BLOCK_ROWS):
                block = slice(start, start + _BLOCK_ROWS)
                common = dense_a[block] @ dense_b.T
                rest = (rare_a[block] @ other_way).tocoo()
                common[rest.row, rest.col] += rest.data
                rows, columns = _above(common, totals_a[block], totals_b, bound)
                pairs += zip((rows + start).tolist(), columns.tolist(), strict=True)
        return pairs


def _above(
    common: npt.NDArray[np.float32], totals_a: Any, totals_b: Any, bound: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    rows, columns = np.nonzero(2 * common >= bound * (totals_a[:, None] + totals_b[None, :]))
    some = common[rows, columns] > 0
    return rows[some], columns[some]


def _numbered(text: str) -> list[tuple[str, int]]:
    """Return the words with how often they stood up to here: the second "the" only meets a second one."""
    seen: Counter[str] = Counter()
    numbered = []
    for word in words_of(text):
        seen[word] += 1
        numbered.append((word, seen[word]))
    return numbered
