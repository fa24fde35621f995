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
from labelmint.encoder.data import Labels, Rows, folds_of, length_batches

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


def _likelihood(estimator: Any, features: Any, labels: Labels) -> float:
    """Return the mean log-likelihood; scikit-learn's own scorer fails where a fold lacks a rare label."""
    return -float(log_loss(labels, estimator.predict_proba(features), labels=estimator.classes_))


def fit_head(features: Any, labels: Labels, count: int, seed: int) -> tuple[Floats, Floats]:
    """Fit logistic regression, its C chosen by cross-validation on these rows.

    Parameters
    ----------
    features : shape (rows, width)
        An array or a sparse matrix.
    count : int
        Number of labels, of which some may have no rows.

    Returns
    -------
    weight, bias
        Shapes (labels, width) and (labels,); softmax over features @ weight.T + bias.
    """
    # The BLAS's threads wait for each other in these small products: on a busy machine, 25 times as long.
    with threadpool_limits(1):
        estimator = _fit(features, labels, seed)
    weight, bias = estimator.coef_, estimator.intercept_
    if len(weight) == 1:  # two labels: scikit-learn fits one vector, for the second label
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    full_weight = np.zeros((count, features.shape[1]), np.float32)
    full_bias = np.full(count, -30.0, np.float32)  # a label without rows is never predicted
    full_weight[estimator.classes_], full_bias[estimator.classes_] = weight, bias
    return full_weight, full_bias


def _fit(features: Any, labels: Labels, seed: int) -> Any:
    """Fit with the C that cross-validation prefers; with the default where rows are too few for it."""
    estimator = LogisticRegression(max_iter=2000)
    folds = folds_of(labels, _FOLDS, seed)
    if not folds:
        return estimator.fit(features, labels)
    search = GridSearchCV(estimator, {"C": _REGULARISATION}, scoring=_likelihood, cv=folds)
    return search.fit(features, labels).best_estimator_
