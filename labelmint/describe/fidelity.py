"""Can synthetic texts be told from real ones? By a classifier, and by the shape of their vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

from labelmint.core.arrays import Floats32
from labelmint.describe.distributions import common_word_counts, js_distance, vocabulary_coverage
from labelmint.describe.diversity import Words, ngrams
from labelmint.describe.texts import Texts

FOLDS = 5
# A weak classifier would flatter the synthetic texts; on vectors of length 1 the default of 1 is too tight.
_REGULARISATION = 10.0
# What fewer texts say can't be told from chance.
_MIN_TELLING_TEXTS = 5


def likeness(reference: Texts, sample: Texts, topics: KMeans, seed: int) -> dict[str, float]:
    """Return how a sample compares with as many real texts, by the measures' names."""
    topics_of_sample, topics_of_reference = (
        Counter(topics.predict(side.vectors).tolist()) for side in (sample, reference)
    )
    return {
        **classifier_accuracy(reference, sample, seed),
        "frechet_distance": frechet_distance(reference.vectors, sample.vectors),
        "word_js_distance": js_distance(*common_word_counts(reference.words, sample.words)),
        "topic_js_distance": js_distance(topics_of_reference, topics_of_sample),
        "vocabulary_coverage": vocabulary_coverage(reference.words, sample.words),
    }


def classifier_accuracy(left: Texts, right: Texts, seed: int) -> dict[str, float]:
    """Return the accuracy of telling two sets of equal size apart, by what the classifier sees.

    A classifier two-sample test (Lopez-Paz & Oquab 2017): 0.5 is chance, hence ideal; 1 is always told.
    `words`: TF-IDF of words and pairs of words; `characters`: TF-IDF of one to three characters, which sees
    punctuation, case and spacing too; `encoder`: the frozen encoder's vectors.
    """
    characters = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), lowercase=False)
    features = {
        "words": TfidfVectorizer(analyzer=_one_and_two_words).fit_transform(left.words + right.words),
        "characters": characters.fit_transform(left.texts + right.texts),
        "encoder": np.concatenate([left.vectors, right.vectors]),
    }
    labels = np.repeat([0, 1], [len(left), len(right)])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    model = LogisticRegression(C=_REGULARISATION, max_iter=1000)
    return {
        f"classifier_accuracy_{name}": float(cross_val_score(model, matrix, labels, cv=folds).mean())
        for name, matrix in features.items()
    }


def telling(real: Words, synthetic: Words, number: int) -> dict[str, list[dict[str, Any]]]:
    """Return the words and pairs of words by which a classifier knows real and synthetic texts.

    The largest weights of logistic regression on TF-IDF, fitted to all texts, both sets weighing the same.
    """
    sides = (real, synthetic)
    holders = [Counter(part for words in side for part in set(_one_and_two_words(words))) for side in sides]
    both = holders[0] + holders[1]
    vocabulary = sorted(part for part, texts in both.items() if texts >= _MIN_TELLING_TEXTS)
    if not vocabulary:
        return {"real": [], "synthetic": []}
    vectorizer = TfidfVectorizer(analyzer=_one_and_two_words, vocabulary=vocabulary)
    model = LogisticRegression(max_iter=1000, class_weight="balanced")
    labels = np.repeat([0, 1], [len(real), len(synthetic)])
    weights = model.fit(vectorizer.fit_transform([*real, *synthetic]), labels).coef_[0]

    def entry(at: int) -> dict[str, Any]:
        part = vocabulary[at]
        shares = [texts[part] / len(side) for texts, side in zip(holders, sides, strict=True)]
        return {
            "words": part,
            "weight": round(abs(float(weights[at])), 2),
            "real_share": round(shares[0], 4),
            "synthetic_share": round(shares[1], 4),
        }

    order = np.argsort(weights, kind="stable").tolist()
    return {
        "real": [entry(at) for at in order[:number] if weights[at] < 0],
        "synthetic": [entry(at) for at in order[::-1][:number] if weights[at] > 0],
    }


def frechet_distance(left: Floats32, right: Floats32) -> float:
    """Return the squared Fréchet distance of two sets of vectors, each taken as a normal distribution.

    Heusel et al. 2017; of text encoders' vectors Xiang et al. 2021 (FBD). Of fewer vectors than dimensions
    the covariances have low rank, and the distance is too high by an amount that depends on the number:
    compare with the distance of as many real texts. No matrix root is taken, whose rounding would add to
    that: tr √(AᵀA·BᵀB) is the nuclear norm of A·Bᵀ, whatever the rank.
    """
    sides = [side.astype(np.float64) for side in (left, right)]
    means = [side.mean(axis=0) for side in sides]
    roots: list[Any] = [
        np.linalg.qr((side - mean) / np.sqrt(max(1, len(side) - 1)), mode="r")
        for side, mean in zip(sides, means, strict=True)
    ]
    spread = sum(float((root**2).sum()) for root in roots)
    shared = float(np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum())
    return max(0.0, float(((means[0] - means[1]) ** 2).sum()) + spread - 2 * shared)


def _one_and_two_words(words: Sequence[str]) -> list[str]:
    return [" ".join(ngram) for order in (1, 2) for ngram in ngrams(words, order)]
