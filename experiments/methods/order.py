"""Made rows first and real rows last, against all rows at once.

A fine-tuned encoder is trained on the made rows, and then on the real ones. A linear head has one optimum
whatever the order of its rows; "last" means there that the real rows' head is drawn towards the made rows'
head, by an L2 penalty on the difference (Chelba and Acero 2006) whose strength cross-validation on the real
rows chooses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from experiments.engine import PLAIN, REAL, predict
from experiments.methods.rows import ROWS, MethodTask, compared, listed, students_of
from labelmint.core.arrays import Floats, Ints
from labelmint.core.records import Labelled
from labelmint.encoder.data import folds_of
from labelmint.encoder.linear import fit_head
from labelmint.students.base import label_numbers, real_rows
from labelmint.students.encoder import LinearHead
from labelmint.students.fine_tune import FineTuned

LAST = "real last"
PENALTIES = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 10_000.0]
FOLDS = 5

Kinds = tuple[type[LinearHead], type[LinearHead]]  # of students: all rows at once, and real ones last
Head = tuple[Floats, Floats]  # weight (labels, width) and bias (labels,)


class HeadRealLast(LinearHead):
    """A linear head of the real rows, drawn towards that of the made rows."""

    def fit(self, rows: Sequence[Labelled], seed: int, unclear: Sequence[Labelled] = ()) -> None:
        """Fit the made rows' head, then the real rows' with the penalty that cross-validation prefers."""
        real, labels = real_rows(rows), label_numbers(rows, self.label_names)
        vectors = self._vectors(rows)
        weight, bias = fit_head(vectors[~real], labels[~real], len(self.label_names), seed)
        made = weight.astype(np.float64), bias.astype(np.float64)
        features, truth = vectors[real].astype(np.float64), labels[real]
        penalty = min(PENALTIES, key=lambda value: _loss(features, truth, made, value, seed))
        head = adapted(features, truth, made, penalty)
        self.head = head[0].astype(np.float32), head[1].astype(np.float32)


class FineTunedRealLast(FineTuned):
    """An encoder that is fine-tuned on the made rows, and then on the real ones."""

    calibrates = False  # accuracies are compared

    def fit(self, rows: Sequence[Labelled], seed: int, unclear: Sequence[Labelled] = ()) -> None:
        """Fit the head and the encoder on the made rows, then the encoder with its head on the real ones."""
        real = real_rows(rows)
        super().fit([*compress(rows, ~real)], seed)
        self._train([*compress(rows, real)], seed)


def adapted(features: Floats, labels: Ints, start: Head, penalty: float) -> Head:
    """Return the head with the lowest loss on these rows plus penalty / 2 times its squared way from `start`.

    Shapes: `features` (rows, width), `labels` (rows,).
    """
    (weight, bias), rows = start, np.arange(len(labels))
    size = weight.size

    def loss(values: Floats) -> tuple[float, Floats]:
        change, shift = values[:size].reshape(weight.shape), values[size:]
        likelihood = log_softmax(features @ (weight + change).T + bias + shift, axis=1)
        error = np.exp(likelihood)
        error[rows, labels] -= 1
        slope = error.T @ features + penalty * change
        value = penalty / 2 * (change**2).sum() - likelihood[rows, labels].sum()
        return float(value), np.concatenate([slope.ravel(), error.sum(axis=0)])

    found = minimize(loss, np.zeros(size + len(bias)), jac=True, method="L-BFGS-B").x
    return weight + found[:size].reshape(weight.shape), bias + found[size:]


def _loss(features: Floats, labels: Ints, start: Head, penalty: float, seed: int) -> float:
    """Return the loss on held-out rows."""
    total = 0.0
    for train, validation in folds_of(labels, FOLDS, seed):
        weight, bias = adapted(features[train], labels[train], start, penalty)
        likelihood = log_softmax(features[validation] @ weight.T + bias, axis=1)
        total -= likelihood[np.arange(len(validation)), labels[validation]].sum()
    return total


def run(task: MethodTask) -> dict[str, Any]:
    """Return by student and by the rows of `ROWS` the score of each order and its gain."""
    heads: Kinds = (LinearHead, HeadRealLast)
    encoders: Kinds = (FineTuned, FineTunedRealLast)
    results: dict[str, Any] = {}
    for name, ((once, last), setting) in students_of(task, heads, encoders).items():
        results[name] = {}
        for rows in ROWS:
            drawn = task.drawn(rows)
            arms = {REAL: (once, REAL), PLAIN: (once, PLAIN), LAST: (last, PLAIN)}
            predicted = {
                arm: predict(task, kind(setting), arm, drawn[source]) for arm, (kind, source) in arms.items()
            }
            results[name][rows] = task.scored(predicted)
    return results


def page(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of this part of the page."""
    return [
        "## Made rows first, real rows last\n",
        "*plain*: all rows at once. *real last*: fine-tuned on the made rows, then on the real ones; for a "
        "linear head, which knows no order, the real rows' head is drawn towards the made rows' head (Chelba "
        "and Acero 2006), as strongly as cross-validation on the real rows says.\n",
        *compared("task | student | rows | order", listed(results, "order")),
        "",
    ]
