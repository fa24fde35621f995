"""Which texts are edits of each other? The share of words that stand in the same order in both.

A swapped, dropped or added word breaks three of a short text's few shingles, but takes one of its words.
Words count by how rare they are (inverse document frequency): texts that share "it is a … of the" say
different things, texts that share the rest are one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from labelmint.core.arrays import Bools
from labelmint.rules.overlaps import overlapping
from labelmint.rules.similarity import Pair, Words

Weights = Mapping[str, float]


def edited_pairs(
    left: Sequence[Words], right: Sequence[Words], threshold: float, dropped: Bools | None = None
) -> Iterator[Pair]:
    """Yield all (left, right, similarity) at the threshold or above, right ascending within a left.

    Twice the weight of the longest common subsequence of words, divided by the weights of both texts. It is
    computed for pairs alone whose common words, in any order, would suffice; no pair is missed by that.
    `dropped`: see `overlapping`.
    """
    words = [left] if right is left else [left, right]
    if not all(map(any, words)):
        return
    vectorizer = CountVectorizer(analyzer=_numbered, binary=True, dtype=np.int32)
    bags = vectorizer.fit_transform([text for texts in words for text in texts])
    one = bags[: len(left)]
    other = one if right is left else bags[len(left) :]
    documents = np.bincount(bags.indices, minlength=bags.shape[1]) * (2 // len(words))
    rows = len(left) + len(right)
    by_column = np.zeros(bags.shape[1])
    weights = {
        word: float(np.log((1 + rows) / (1 + documents[at])) + 1)
        for (word, number), at in vectorizer.vocabulary_.items()
        if number == 1
    }
    for (word, _), at in vectorizer.vocabulary_.items():
        by_column[at] = weights[word]
    for places, others, _ in overlapping(one, other, by_column, threshold / 2, dropped):
        for i, j in zip(places.tolist(), others.tolist(), strict=True):
            if dropped is not None and dropped[j]:
                continue
            similarity = order_similarity(words[0][i], words[-1][j], weights)
            if similarity >= threshold:
                yield i, j, similarity


def order_similarity(one: Words, other: Words, weights: Weights) -> float:
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


def _numbered(words: Words) -> list[tuple[str, int]]:
    """Return the words with how often they stood up to here: the second "the" only meets a second one."""
    seen: Counter[str] = Counter()
    numbered = []
    for word in words:
        seen[word] += 1
        numbered.append((word, seen[word]))
    return numbered
