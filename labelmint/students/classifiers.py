"""Classifiers of the real rows alone; each returns probabilities of the test inputs, or why it can't."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

from labelmint.core.params import Params
from labelmint.core.progress import progress
from labelmint.core.records import Input, Labelled, texts_of
from labelmint.encoder.embedding import embed_rows
from labelmint.encoder.linear import fit_head
from labelmint.tasks.cards import TaskCard

Floats = npt.NDArray[np.float64]
Classifier = Callable[[Params, TaskCard, Sequence[Labelled], Sequence[Input]], Floats | str]

# Punctuation too: a text of nothing else has tokens, and "!" says something.
_TOKEN = r"\w+|[^\w\s]"
_TOO_FEW = "the real rows are of fewer than two labels"


def tfidf(params: Params, card: TaskCard, train: Sequence[Labelled], test: Sequence[Input]) -> Floats | str:
    """Fit logistic regression on TF-IDF of words and pairs of words."""
    if _labels(train) < 2:
        return _TOO_FEW
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_TOKEN)
    own = vectorizer.fit_transform("\n".join(texts_of(row)) for row in train)
    others = vectorizer.transform("\n".join(texts_of(row)) for row in test)
    return _logistic_regression(own, others, params, card, train)


def linear_head(
    params: Params, card: TaskCard, train: Sequence[Labelled], test: Sequence[Input]
) -> Floats | str:
    """Fit logistic regression on the frozen encoder's vectors."""
    if _labels(train) < 2:
        return _TOO_FEW
    with progress(len(train) + len(test), "embed", "texts") as bar:
        features = embed_rows(params.train, [*train, *test], bar.update)
    return _logistic_regression(features[: len(train)], features[len(train) :], params, card, train)


def majority(
    params: Params, card: TaskCard, train: Sequence[Labelled], test: Sequence[Input]
) -> Floats | str:
    """Say the commonest label of the real rows, with the labels' shares."""
    if not train:
        return "there are no real rows"
    counts = Counter(row["label"] for row in train)
    shares = np.array([counts[name] / len(train) for name in card.label_names])
    return np.tile(shares, (len(test), 1))


CLASSIFIERS: dict[str, Classifier] = {"tfidf": tfidf, "linear_head": linear_head, "majority": majority}


def _labels(train: Sequence[Labelled]) -> int:
    return len({row["label"] for row in train})


def _logistic_regression(
    own: Any, others: Any, params: Params, card: TaskCard, train: Sequence[Labelled]
) -> Floats:
    """Fit with the strength that cross-validation prefers; return probabilities, shape (others, labels)."""
    names = card.label_names
    labels = np.array([names.index(row["label"]) for row in train], np.int64)
    weight, bias = fit_head(own, labels, len(names), params.baselines.seed)
    logits = np.asarray(others @ weight.T + bias, np.float64)
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
