"""Importance weights of made rows: IMP-Loss and DIMP-Loss (Kuo et al. 2024, arXiv 2410.21526).

A made row (x, y) is drawn from the language model's distribution Q and not from the real one, P. Weighted by
P(y|x) / Q(y|x), made rows teach what real rows would: a row whose label real rows find likelier than made
rows do counts more. P comes from a linear head on the real rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from labelmint.core.arrays import Bools, Floats, Floats32, Ints
from labelmint.core.errors import DataError
from labelmint.core.params import Arm
from labelmint.core.records import ArmRow
from labelmint.encoder.data import folds_of
from labelmint.encoder.linear import MANY_ROWS_C, fit_head, head_probabilities, regression
from labelmint.students.base import label_numbers, real_rows

_FOLDS = 5
_ROUNDS = 5  # of fitting and weighting again
# A probability of 0 would make a weight infinite.
_LEAST = 1e-3


def imp(
    arm: Arm, rows: Sequence[ArmRow], names: Sequence[str], features: Floats32, seed: int
) -> tuple[Floats, dict[str, Any]]:
    """Return P(y|x) / Q(y|x) for made rows, and 1 for real ones.

    Q is a classifier of the made rows, each judged by one that was trained without it.
    """
    made, labels = ~real_rows(rows), label_numbers(rows, names)
    right = real_probability(rows, labels, features, seed)
    weights = np.ones(len(rows))
    weights[made] = right[made] / _out_of_fold(features[made], labels[made], seed)
    return _weighed(arm, made, weights)


def dimp(
    arm: Arm, rows: Sequence[ArmRow], names: Sequence[str], features: Floats32, seed: int
) -> tuple[Floats, dict[str, Any]]:
    """Return P(y|x) / p(y|x) for made rows, and 1 for real ones; p is the model in training.

    The paper takes p from the batch at hand. A linear head is fitted at once, so it is fitted several times,
    each time with the weights from the probabilities of the time before.
    """
    made, labels = ~real_rows(rows), label_numbers(rows, names)
    right = real_probability(rows, labels, features, seed)
    weights: Floats = np.ones(len(rows))
    for _ in range(_ROUNDS):
        with threadpool_limits(1):
            model = regression(features, labels, weights, MANY_ROWS_C)
        own = _of_label(model.predict_proba(features), np.searchsorted(model.classes_, labels))
        weights = np.where(made, right / own, 1.0)
    return _weighed(arm, made, weights)


def real_probability(rows: Sequence[ArmRow], labels: Ints, features: Floats32, seed: int) -> Floats:
    """Return the probability of each row's label by a head that knows the real rows alone."""
    real = real_rows(rows)
    if len(set(labels[real].tolist())) < 2:
        raise DataError("weights: imp and dimp need real rows of two labels to weigh the others by")
    weight, bias = fit_head(features[real], labels[real], int(labels.max()) + 1, seed)
    return _of_label(head_probabilities(features, weight, bias), labels)


def _out_of_fold(features: Floats32, labels: Ints, seed: int) -> Floats:
    """Return the probability of each row's label by a model that was trained on the other folds."""
    own = np.ones(len(labels))
    for train, validation in folds_of(labels, _FOLDS, seed):
        with threadpool_limits(1):
            model = regression(features[train], labels[train], np.ones(len(train)), MANY_ROWS_C)
        probabilities = model.predict_proba(features[validation])
        own[validation] = _of_label(probabilities, np.searchsorted(model.classes_, labels[validation]))
    return own


def _of_label(probabilities: Floats, labels: Ints) -> Floats:
    return np.maximum(probabilities[np.arange(len(labels)), labels], _LEAST)


def _weighed(arm: Arm, made: Bools, weights: Floats) -> tuple[Floats, dict[str, Any]]:
    """Return the weights, clipped at `max_weight` if the arm says so, and what they come to.

    Their effective sample size (Kish 1965) tells how many equal rows the made ones are worth.
    """
    weights = np.minimum(weights, arm.max_weight or np.inf).round(4)
    of_made = weights[made]
    weighting = {
        "made_rows": int(made.sum()),
        "effective_rows": round(float(of_made.sum() ** 2 / (of_made**2).sum()), 1),
        "largest": round(float(of_made.max()), 4),
    }
    return weights, {"weighting": weighting}
