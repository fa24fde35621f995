"""How labels, lengths, words and topics are distributed in the two sets."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.spatial.distance import jensenshannon
from sklearn.cluster import KMeans

from labelmint.core.arrays import Floats32, Ints
from labelmint.core.records import Labelled
from labelmint.describe.diversity import Words

_BINS = 20
# Weight of the prior in words: a rare word must be much more frequent in one set to be named.
_PRIOR_WORDS = 1000
_COMMON = 10
# Of the reference's texts per topic: fewer would make topics of single texts.
_TEXTS_PER_TOPIC = 10


def class_balance(names: Sequence[str], rows: Sequence[Labelled]) -> dict[str, float]:
    """Return the labels' shares of the rows, by name in the card's order."""
    counts = Counter(row["label"] for row in rows)
    return {name: round(counts[name] / max(1, len(rows)), 4) for name in names}


def length_bins(counts: Sequence[int]) -> list[int]:
    """Return the edges, in words, of up to 20 bins of equal width from 0 on; the last holds all longer texts.

    The longest hundredth decides nothing, so that one very long text doesn't leave a single bin.
    """
    longest = int(np.percentile(counts, 99, method="higher")) + 1
    width = math.ceil(longest / _BINS)
    return list(range(0, longest + width, width))[: _BINS + 1]


def lengths(counts: Sequence[int], bins: Sequence[int]) -> dict[str, Any]:
    """Return mean, deviation, deciles (least and most included) and histogram of the texts' words."""
    clipped = np.minimum(counts, bins[-1] - 1)
    shares = np.histogram(clipped, bins)[0] / len(counts)
    return {
        "mean": round(float(np.mean(counts)), 2),
        "sd": round(float(np.std(counts)), 2),
        "deciles": [int(decile) for decile in np.percentile(counts, range(0, 101, 10), method="lower")],
        "histogram": [round(float(share), 4) for share in shares],
    }


def js_distance(left: Mapping[Any, float], right: Mapping[Any, float]) -> float:
    """Return the Jensen–Shannon distance of two distributions or counts: 0 alike, 1 nothing in common.

    The root of the divergence in bits (Endres & Schindelin 2003).
    """
    keys = sorted({*left, *right})
    p, q = ([side.get(key, 0) for key in keys] for side in (left, right))
    distance = float(jensenshannon(p, q, base=2))
    return 0.0 if math.isnan(distance) else distance  # rounding can put a root below zero


def word_counts(texts: Words) -> Counter[str]:
    """Return how often each word is said."""
    return Counter(word for words in texts for word in words)


def common_word_counts(left: Words, right: Words) -> tuple[dict[str, int], dict[str, int]]:
    """Return how often each side says the words that both together say ten times, and all others as one.

    Words that a sample says once say little about how often they are said, and a distance over all of them
    grows with the vocabulary: real texts would be further from each other than from dull ones.
    """
    counts = word_counts(left), word_counts(right)
    common = [word for word, count in (counts[0] + counts[1]).items() if count >= _COMMON]
    shown = [{word: side[word] for word in common} for side in counts]
    for part, side in zip(shown, counts, strict=True):
        part[""] = side.total() - sum(part.values())
    return shown[0], shown[1]


def vocabulary_coverage(reference: Words, texts: Words) -> float:
    """Return the share of the reference's words, each as often as it is said, that the texts use too."""
    known, counts = set(word_counts(texts)), word_counts(reference)
    return sum(count for word, count in counts.items() if word in known) / max(1, counts.total())


def log_odds(real: Words, synthetic: Words, number: int) -> dict[str, list[dict[str, Any]]]:
    """Return the words that the synthetic texts use most too often and too seldom.

    By the z-score of the log-odds ratio with an informative Dirichlet prior, the words' shares in both sets
    (Monroe et al. 2008, *Fightin' Words*): plain ratios name words that were said once.
    """
    ours, theirs = word_counts(synthetic), word_counts(real)
    both, total = ours + theirs, ours.total() + theirs.total()
    scored = []
    for word, count in both.items():
        prior = _PRIOR_WORDS * count / total
        one, two = ours[word] + prior, theirs[word] + prior
        others_one, others_two = ours.total() + _PRIOR_WORDS - one, theirs.total() + _PRIOR_WORDS - two
        if others_one <= 0 or others_two <= 0:  # the only word there is
            continue
        ratio = math.log(one / others_one) - math.log(two / others_two)
        scored.append((ratio / math.sqrt(1 / one + 1 / two), ratio, word))

    def entry(z: float, ratio: float, word: str) -> dict[str, Any]:
        return {
            "word": word,
            "log_odds": round(ratio, 2),
            "z": round(z, 1),
            "real_per_1000": round(1000 * theirs[word] / max(1, theirs.total()), 2),
            "synthetic_per_1000": round(1000 * ours[word] / max(1, ours.total()), 2),
        }

    over = sorted((-z, word, z, ratio) for z, ratio, word in scored if z > 0)[:number]
    under = sorted((z, word, z, ratio) for z, ratio, word in scored if z < 0)[:number]
    return {
        "overused": [entry(z, ratio, word) for _, word, z, ratio in over],
        "underused": [entry(z, ratio, word) for _, word, z, ratio in under],
    }


def fit_topics(reference: Floats32, seed: int) -> KMeans:
    """Return k-means topics of the real reference's vectors."""
    different = len(np.unique(reference, axis=0))
    topics = min(max(2, len(reference) // _TEXTS_PER_TOPIC), different)
    return KMeans(topics, n_init=3, random_state=seed).fit(reference)


def topic_spread(places: Ints, topics: int) -> dict[str, float]:
    """Return the share of topics that the texts touch, and their spread's entropy; 1: evenly over all."""
    counts = np.bincount(places, minlength=topics)
    shares = counts[counts > 0] / counts.sum()
    return {
        "topic_coverage": float((counts > 0).mean()),
        "topic_entropy": max(0.0, float(-(shares * np.log(shares)).sum() / math.log(max(2, topics)))),
    }
