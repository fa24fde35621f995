"""Pool the log-probabilities of several label scorers.

No scorer is the best on every task: the small language model's answer is right on 86 % of film reviews and on
56 % of tweets, a classifier trained on the same hundred rows on 66 % and 64 %. Their log-probabilities are
added with weights (a logarithmic opinion pool, Genest & Zidek 1986) that are fitted on real rows which no
scorer saw: the model was not shown them, and the classifiers' predictions of them are out-of-fold. What
several scorers prefer whatever the text adds up in the sum, so one offset per label is fitted to it on the
same rows. Not on the texts: these may come in other shares than the real rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax

from labelmint.core.arrays import Floats, Floats32, Ints
from labelmint.encoder.data import folds_of
from labelmint.encoder.linear import fit_head, fit_heads
from labelmint.labelling.offsets import matching_offsets, shares_of

_FOLDS = 10
# Fewer real rows can't tell which scorer to trust.
MIN_ROWS = 20
# Of the squared logarithms of the weights, and of the squared offsets: with few rows they stay near 1 and 0.
_PENALTY, _OFFSET_PENALTY = 0.01, 0.03


@dataclass(frozen=True)
class Pool:
    """The scorers' weights, an offset per label, and the accuracies on real rows that no scorer saw."""

    weights: dict[str, float]
    offsets: Floats
    accuracy: dict[str, float]  # by scorer, and of all "pooled"

    def combine(self, scores: Mapping[str, Floats]) -> Floats:
        """Return pooled log-probabilities, shape (rows, labels)."""
        pooled = _combine([*self.weights.values()], [scores[name] for name in self.weights])
        return np.asarray(log_softmax(pooled - self.offsets, axis=1))


def fit_pool(scores: Mapping[str, Floats], labels: Ints) -> Pool:
    """Fit weights and offsets on real rows that no scorer has seen.

    `scores` have shape (rows, labels) by scorer. With fewer than `MIN_ROWS` rows there are no offsets.
    """
    parts, rows = [*scores.values()], np.arange(len(labels))
    scored = dict(scores)
    weights = np.ones(1)  # a single scorer's weight would change how sure it is, and no label
    if len(parts) > 1:

        def loss(logs: Floats) -> float:
            return float(-_combine(np.exp(logs), parts)[rows, labels].mean() + _PENALTY * (logs**2).sum())

        weights = np.exp(minimize(loss, np.zeros(len(parts)), method="Nelder-Mead").x)
    pooled = _combine(weights, parts)
    offsets = np.zeros(pooled.shape[1])
    if len(labels) >= MIN_ROWS:
        shares = shares_of(labels, pooled.shape[1])
        offsets = matching_offsets(pooled, shares, penalty=_OFFSET_PENALTY)
    # On the rows that weights and offsets are fitted to, hence a little high.
    scored["pooled" if len(parts) > 1 else next(iter(scores))] = pooled - offsets
    right = {name: part.argmax(axis=1) == labels for name, part in scored.items() if len(labels)}
    return Pool(
        {name: round(float(weight), 4) for name, weight in zip(scores, weights, strict=True)},
        offsets,
        {name: round(float(hits.mean()), 4) for name, hits in right.items()},
    )


def _combine(weights: npt.ArrayLike, parts: list[Floats]) -> Floats:
    return np.asarray(log_softmax(np.tensordot(np.asarray(weights), np.stack(parts), axes=1), axis=1))


def classify(features: Floats32, labels: Ints, count: int, others: Floats32, seed: int) -> Floats:
    """Train a linear head on labelled vectors; return log-probabilities of others, shape (others, count)."""
    weight, bias = fit_head(features, labels, count, seed)
    return np.asarray(log_softmax((others @ weight.T + bias).astype(np.float64), axis=1))


def classify_by_folds(
    features: Floats32, labels: Ints, count: int, others: Floats32, seed: int, folds: Ints
) -> Floats:
    """Return what `classify` does, then the same without each fold, shape (1 + FOLDS, others, count)."""
    heads = fit_heads(features, labels, count, seed, folds)
    logits = [others @ weight.T + bias for weight, bias in heads]
    return np.asarray(log_softmax(np.stack(logits).astype(np.float64), axis=2))


def out_of_fold(features: Floats32, labels: Ints, count: int, seed: int) -> Floats:
    """Return log-probabilities, shape (rows, count), each by a classifier that wasn't trained on the row.

    The only row of a label, which scikit-learn's cross_val_predict doesn't allow, is NaN.
    """
    scores = np.full((len(labels), count), np.nan)
    for train, held_out in folds_of(labels, _FOLDS, seed):
        scores[held_out] = classify(features[train], labels[train], count, features[held_out], seed)
    return scores


def of_shares(scores: Floats, training: Floats, shares: Floats) -> Floats:
    """Return a classifier's log-probabilities for rows whose labels come in other shares than its training's.

    Saerens et al. 2002; both shapes (labels,).
    """
    return np.asarray(log_softmax(scores + np.log(shares) - np.log(training), axis=-1))
