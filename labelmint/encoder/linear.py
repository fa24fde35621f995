"""The linear head: logistic regression on the frozen encoder's features.

With a hundred rows it is a strong baseline that takes a second, and fine-tuning starts from it.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from labelmint.core.arrays import Bools, Floats, Floats32, Ints
from labelmint.core.calibration import fit_temperature
from labelmint.encoder.data import folds_of

_REGULARISATION = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0]
_FOLDS = 5
MANY_ROWS_C = 10.0  # of thousands of rows, nearly always what cross-validation prefers


def fit_head(
    features: Any,
    labels: Ints,
    count: int,
    seed: int,
    weights: Floats | None = None,
    calibrate_on: Bools | None = None,
) -> tuple[Floats32, Floats32]:
    """Fit logistic regression, its C and its temperature chosen by cross-validation on these rows.

    Parameters
    ----------
    features : shape (rows, width)
        An array or a sparse matrix.
    count : int
        Number of labels, of which some may have no rows.
    weights : shape (rows,)
        How much each row counts, above 0; 1 if missing.
    calibrate_on : shape (rows,)
        Which rows have labels that are right, so that the temperature may be fitted on them; all if missing.

    Returns
    -------
    weight, bias
        Shapes (labels, width) and (labels,); softmax over features @ weight.T + bias.
    """
    weights = np.ones(len(labels)) if weights is None else weights
    calibrate_on = np.ones(len(labels), np.bool_) if calibrate_on is None else calibrate_on
    # The BLAS's threads wait for each other in these small products: on a busy machine, 25 times as long.
    with threadpool_limits(1):
        estimator, temperature = _fit(features, labels, seed, weights, calibrate_on)
    full_weight = np.zeros((count, features.shape[1]), np.float32)
    full_bias = np.full(count, -30.0, np.float32)  # a label without rows is never predicted
    full_weight[estimator.classes_] = _for_each_label(estimator.coef_.T).T / temperature
    full_bias[estimator.classes_] = _for_each_label(estimator.intercept_[None])[0] / temperature
    return full_weight, full_bias


def head_probabilities(features: Any, weight: Floats32, bias: Floats32) -> Floats:
    """Return the labels' probabilities by a head, shape (rows, labels)."""
    return np.asarray(softmax((features @ weight.T + bias).astype(np.float64), axis=1))


def _fit(
    features: Any, labels: Ints, seed: int, weights: Floats, calibrate_on: Bools
) -> tuple[LogisticRegression, float]:
    """Fit with the C that cross-validation prefers; with the default where rows are too few for it.

    The temperature is that of the held-out rows' logits.
    """
    folds = folds_of(labels, _FOLDS, seed)
    if not folds:
        return regression(features, labels, weights), 1.0
    held_out = np.concatenate([validation for _, validation in folds])
    truth, counts = np.searchsorted(np.unique(labels), labels[held_out]), weights[held_out]
    best, best_loss, logits = _REGULARISATION[0], np.inf, np.zeros((0, 0))
    for c in _REGULARISATION:
        models = [regression(features[train], labels[train], weights[train], c) for train, _ in folds]
        parts = zip(models, folds, strict=True)
        of_c = np.concatenate([logits_of(model, features[validation]) for model, (_, validation) in parts])
        likelihood = log_softmax(of_c, axis=1)[np.arange(len(truth)), truth]
        loss = -float(np.average(likelihood, weights=counts))
        if loss < best_loss:
            best, best_loss, logits = c, loss, of_c
    right = calibrate_on[held_out]
    temperature = fit_temperature(logits[right], truth[right], counts[right])
    return regression(features, labels, weights, best), temperature


def regression(features: Any, labels: Ints, weights: Floats, c: float = 1.0) -> LogisticRegression:
    """Fit logistic regression to weighted rows."""
    with warnings.catch_warnings():
        # Few rows of many labels are a task like others.
        warnings.filterwarnings("ignore", "The number of unique classes is greater")
        return LogisticRegression(C=c, max_iter=2000).fit(features, labels, weights)


def logits_of(estimator: LogisticRegression, features: Any) -> Floats:
    """Return logits, shape (rows, labels that have rows)."""
    values = estimator.decision_function(features)
    return _for_each_label(values[:, None] if values.ndim == 1 else values)


def _for_each_label(values: Floats) -> Floats:
    """Return a column for each label; of two labels, scikit-learn has one alone, for the second."""
    return np.concatenate([-values, values], axis=1) / 2 if values.shape[1] == 1 else values
