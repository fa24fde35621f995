"""The linear head: logistic regression on the frozen encoder's features.

With a hundred rows it is a strong baseline that takes a second, and fine-tuning starts from it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from labelmint.core.arrays import Floats, Floats32, Ints
from labelmint.core.calibration import fit_temperature
from labelmint.core.folds import FOLDS
from labelmint.encoder.data import HeldOut, folds_of, of_held_out, truth_of

_FOLDS = 5
_REGULARISATION = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0]
MANY_ROWS_C = 10.0  # of thousands of rows, nearly always what cross-validation prefers


def fit_head(
    features: Any,
    labels: Ints,
    count: int,
    seed: int,
    weights: Floats | None = None,
    splits: Sequence[HeldOut] | None = None,
) -> tuple[Floats32, Floats32]:
    """Fit logistic regression, its C and its temperature chosen by cross-validation on these rows.

    Parameters
    ----------
    features : shape (rows, width)
        An array or a sparse matrix.
    labels : shape (labelled rows,)
        Of the first rows; the others are trained on by `splits` alone.
    count : int
        Number of labels, of which some may have no rows.
    weights : shape (rows,)
        How much each row counts, above 0; 1 if missing.
    splits
        By which held-out rows the temperature is fitted; by all rows in folds if missing, as C is. If empty,
        there is no temperature.

    Returns
    -------
    weight, bias
        Shapes (labels, width) and (labels,); softmax over features @ weight.T + bias.
    """
    weights = np.ones(features.shape[0]) if weights is None else weights
    labelled = slice(len(labels))
    # The BLAS's threads wait for each other in these small products: on a busy machine, 25 times as long.
    with threadpool_limits(1):
        c, temperature = _choose(features, labels, count, seed, weights, splits)
        return _head(features[labelled], labels, count, weights[labelled], c, temperature)


def fit_heads(
    features: Floats32, labels: Ints, count: int, seed: int, folds: Ints
) -> list[tuple[Floats32, Floats32]]:
    """Return the head that is fitted to all rows, then those without each of the `folds`, shape (rows,).

    All share the C and the temperature of the first. If all rows of a label are in one fold, they are always
    known: a head that has seen none of them would give the label's texts others, however clear they are.
    """
    weights = np.ones(len(labels))
    with threadpool_limits(1):
        chosen = _choose(features, labels, count, seed, weights, None)
        parts = [np.ones(len(labels), np.bool_)]
        for fold in range(FOLDS):
            others = folds != fold
            parts.append(others | ~np.isin(labels, labels[others]))
        return [_head(features[part], labels[part], count, weights[part], *chosen) for part in parts]


def head_probabilities(features: Any, weight: Floats32, bias: Floats32) -> Floats:
    """Return the labels' probabilities by a head, shape (rows, labels)."""
    return np.asarray(softmax((features @ weight.T + bias).astype(np.float64), axis=1))


def _choose(
    features: Any, labels: Ints, count: int, seed: int, weights: Floats, splits: Sequence[HeldOut] | None
) -> tuple[float, float]:
    """Return the C that cross-validation of all rows prefers, and the temperature of held-out rows' logits.

    Where rows are too few for it, both are 1. Of rows with machine labels a hundred right ones can't tell C.
    """
    folds = [HeldOut(*fold, labels) for fold in folds_of(labels, _FOLDS, seed)]
    if not folds:
        return 1.0, 1.0
    truth, counts = truth_of(folds), of_held_out(folds, weights)
    best, best_loss, logits = _REGULARISATION[0], np.inf, np.zeros((0, 0))
    for c in _REGULARISATION:
        of_c = held_out_logits(features, weights, folds, c, count)
        likelihood = log_softmax(of_c, axis=1)[np.arange(len(truth)), truth]
        loss = -float(np.average(likelihood, weights=counts))
        if loss < best_loss:
            best, best_loss, logits = c, loss, of_c
    if splits is None:
        return best, fit_temperature(logits, truth, counts)
    if not splits:
        return best, 1.0
    logits = held_out_logits(features, weights, splits, best, count)
    return best, fit_temperature(logits, truth_of(splits), of_held_out(splits, weights))


def held_out_logits(
    features: Any, weights: Floats, splits: Sequence[HeldOut], c: float, count: int
) -> Floats:
    """Return the logits of the held-out rows, one split after the other, shape (rows, labels).

    Rows of weight 0 are not trained on; labels without rows have logits of -30.
    """
    logits = []
    for train, held_out, labels in splits:
        used = train[weights[train] > 0]
        model = regression(features[used], labels[used], weights[used], c)
        scores = np.full((len(held_out), count), -30.0)
        scores[:, model.classes_] = _for_each_label(model.decision_function(features[held_out]))
        logits.append(scores)
    return np.concatenate(logits)


def _head(
    features: Any, labels: Ints, count: int, weights: Floats, c: float, temperature: float
) -> tuple[Floats32, Floats32]:
    """Return the weight and bias of all labels, those that have no rows included."""
    weight = np.zeros((count, features.shape[1]), np.float32)
    bias = np.full(count, -30.0, np.float32)  # a label without rows is never predicted
    estimator = regression(features, labels, weights, c)
    weight[estimator.classes_] = _for_each_label(estimator.coef_.T).T / temperature
    bias[estimator.classes_] = _for_each_label(estimator.intercept_[None])[0] / temperature
    return weight, bias


def regression(features: Any, labels: Ints, weights: Floats, c: float = 1.0) -> LogisticRegression:
    """Fit logistic regression to weighted rows."""
    with warnings.catch_warnings():
        # Few rows of many labels are a task like others.
        warnings.filterwarnings("ignore", "The number of unique classes is greater")
        return LogisticRegression(C=c, max_iter=2000).fit(features, labels, weights)


def _for_each_label(values: Floats) -> Floats:
    """Return a column for each label; of two labels, scikit-learn has one alone, for the second."""
    values = values[:, None] if values.ndim == 1 else values
    return np.concatenate([-values, values], axis=1) / 2 if values.shape[1] == 1 else values
