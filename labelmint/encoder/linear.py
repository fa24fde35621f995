"""The linear head: logistic regression on the frozen encoder's features.

With a hundred rows it beats fine-tuning, so a comparison without it would be with a weak baseline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits
from transformers import DataCollatorWithPadding

from labelmint.encoder.classifier import Classifier
from labelmint.encoder.data import Labels, Rows, Split, folds_of, length_batches

_REGULARISATION = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0]
_FOLDS = 5

Floats = npt.NDArray[np.float32]


@torch.no_grad()
def embed(
    model: Classifier,
    rows: Rows,
    collator: DataCollatorWithPadding,
    batch_rows: int,
    on_rows: Callable[[int], object] = lambda _: None,
) -> Floats:
    """Return the features of rows, shape (rows, width), in the rows' order."""
    model.eval()
    device = next(model.parameters()).device
    out = np.zeros((len(rows), model.width), np.float32)
    for indices in length_batches(rows, batch_rows):
        batch: Any = collator(rows.features(indices))
        features = model.features(**{name: part.to(device) for name, part in batch.items()})
        out[indices] = features.cpu().numpy()
        on_rows(len(indices))
    return out


def _likelihood(
    estimator: Any, features: Floats, labels: Labels, sample_weight: Floats | None = None
) -> float:
    """Return the mean log-likelihood; scikit-learn's own scorer fails where a fold lacks a rare label."""
    said = estimator.predict_proba(features)
    return -float(log_loss(labels, said, labels=estimator.classes_, sample_weight=sample_weight))


def fit_head(
    features: Floats,
    labels: Labels,
    count: int,
    seed: int,
    *,
    shares: Floats | None = None,
    strength: float | None = None,
) -> tuple[Floats, Floats]:
    """Fit logistic regression, its strength chosen by cross-validation on these rows.

    Parameters
    ----------
    shares : shape (rows, labels), optional
        Soft targets: how probable each label is; `labels` are the likeliest.
    strength : float, optional
        From `best_strength`: nothing is chosen.

    Returns
    -------
    weight, bias
        Shapes (labels, width) and (labels,); softmax over features @ weight.T + bias.
    """
    # The BLAS's threads wait for each other in these small products: on a busy machine, 25 times as long.
    with threadpool_limits(1):
        if strength is not None:
            estimator = LogisticRegression(max_iter=2000, C=strength).fit(features, labels)
        else:
            estimator = _searched(features, labels, seed, shares)
    weight, bias = estimator.coef_, estimator.intercept_
    if len(weight) == 1:  # two labels: scikit-learn fits one vector, for the second label
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    full_weight = np.zeros((count, features.shape[1]), np.float32)
    full_bias = np.full(count, -30.0, np.float32)  # a label without rows is never predicted
    full_weight[estimator.classes_], full_bias[estimator.classes_] = weight, bias
    return full_weight, full_bias


def best_strength(features: Floats, labels: Labels, seed: int) -> float:
    """Return the strength that `fit_head` would choose, to fit parts of the same rows with it."""
    with threadpool_limits(1):
        return float(_searched(features, labels, seed, None).C)


def _expanded(train: Labels, held_out: Labels, places: Labels, targets: Labels) -> Split:
    """Return a fold of rows as one of their parts; a label that no trained part has can't be validated."""
    own = np.isin(places, train)
    return np.flatnonzero(own), np.flatnonzero(np.isin(places, held_out) & np.isin(targets, targets[own]))


def _searched(features: Floats, labels: Labels, seed: int, shares: Floats | None) -> LogisticRegression:
    """Fit with the strength that cross-validation prefers; with the usual one where it is impossible."""
    estimator = LogisticRegression(max_iter=2000)
    folds = folds_of(labels, _FOLDS, seed)
    own, targets, weights = features, labels, None
    if shares is not None:
        # A row with soft targets is one row for each label, weighted by how probable it is.
        places, targets = np.nonzero(shares)
        own, weights = features[places], shares[places, targets]
        folds = [_expanded(train, held_out, places, targets) for train, held_out in folds]
    if not folds:
        return estimator.fit(own, targets, sample_weight=weights)
    search = GridSearchCV(estimator, {"C": _REGULARISATION}, scoring=_likelihood, cv=folds)
    return search.fit(own, targets, sample_weight=weights).best_estimator_
