"""Scores of an arm's predictions, for the test rows as they are and for resampled ones alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from labelmint.core.arrays import Floats, Ints
from labelmint.tasks.balance import Metric

_CALIBRATION_BINS = 15
_CALIBRATION_DRAWS = 200


@dataclass(frozen=True)
class ArmPredictions:
    """Predictions of an arm, and what it was trained on."""

    arm: str
    train_rows: int
    probabilities: Floats  # (seeds, test rows, labels)
    real: int = 0  # training rows of each source
    synthetic: int = 0
    unlabelled: int = 0
    student: str = ""
    chosen_weights: bool = False  # cross-validation weighted its sources
    texts_per_s: float | None = None  # of its predictions; None: not measured

    @property
    def made(self) -> int:
        """Training rows whose labels, or texts, a machine made."""
        return self.synthetic + self.unlabelled

    @property
    def predicted(self) -> Ints:
        """Most probable labels, shape (seeds, test rows)."""
        return np.asarray(self.probabilities.argmax(axis=2))


def weighted_scores(metric: Metric, predicted: Ints, truth: Ints, weights: Floats, labels: int) -> Floats:
    """Return accuracy or macro-averaged F1 per seed and sample, shape (seeds, samples).

    Shapes: `predicted` (seeds, rows), `truth` (rows,). `weights`, (samples, rows), say how often each sample
    holds each test row. F1 is averaged over the labels that the sample's rows have (scikit-learn's `f1_score`
    with `labels=unique(truth)`): a label without rows would score 0 whatever an arm says.
    """
    if metric == "accuracy":
        return np.asarray((predicted == truth).astype(float) @ weights.T / weights.sum(axis=1))
    total, present = np.zeros((len(predicted), len(weights))), np.zeros(len(weights))
    for label in range(labels):
        given, true = (predicted == label).astype(float), (truth == label).astype(float)
        hits = (given * true) @ weights.T
        rows = true @ weights.T
        total += 2 * hits / np.maximum(given @ weights.T + rows, 1)
        present += rows > 0
    return total / present


def label_scores(predicted: Ints, truth: Ints, names: list[str]) -> dict[str, dict[str, float]]:
    """Return precision, recall and F1 of each label, means over the seeds."""
    keys, numbers = ("precision", "recall", "f1"), range(len(names))
    of_seeds = [
        precision_recall_fscore_support(truth, one, labels=numbers, zero_division=0)[:3] for one in predicted
    ]
    of_labels = np.mean(of_seeds, axis=0).round(4).T.tolist()
    return {name: dict(zip(keys, scores, strict=True)) for name, scores in zip(names, of_labels, strict=True)}


def calibration_error(probabilities: Floats, truth: Ints) -> float:
    """Return the expected calibration error (Guo et al. 2017), 15 equal bins, mean over the seeds."""
    errors = []
    for of_seed in probabilities:
        confidence, right, bins = _binned(of_seed, truth)
        errors.append(_binned_errors((right - confidence)[None], bins)[0])
    return float(np.mean(errors))


def calibration_by_chance(probabilities: Floats, seed: int) -> float:
    """Return the calibration error that a calibrated classifier exceeds on one test set in 20.

    The error is biased upward, the more so the fewer rows there are. Whether each answer is right is drawn
    by its own confidence, 200 times; the seeds share the draws, as they do the rows.
    """
    luck = np.random.default_rng(seed).random((_CALIBRATION_DRAWS, probabilities.shape[1]))
    errors = []
    for of_seed in probabilities:
        confidence, _, bins = _binned(of_seed, np.zeros(len(of_seed), np.int64))
        errors.append(_binned_errors((luck < confidence) - confidence, bins))
    return float(np.quantile(np.mean(errors, axis=0), 0.95))


def _binned_errors(gaps: Floats, bins: Ints) -> Floats:
    """Return the calibration errors of samples of answers, whose `gaps` have the shape (samples, rows)."""
    in_bin = np.eye(_CALIBRATION_BINS)[bins]
    return np.asarray(np.abs(gaps @ in_bin).sum(axis=1) / len(bins))


def reliability(probabilities: Floats, truth: Ints) -> list[tuple[int, float, float, int]]:
    """Return the bins that hold answers, over all seeds: number, mean confidence, accuracy, answers."""
    binned = [_binned(of_seed, truth) for of_seed in probabilities]
    confidence, right, bins = (np.concatenate(parts) for parts in zip(*binned, strict=True))
    return [
        (number, float(confidence[inside].mean()), float(right[inside].mean()), int(inside.sum()))
        for number in range(_CALIBRATION_BINS)
        if (inside := bins == number).any()
    ]


def _binned(probabilities: Floats, truth: Ints) -> tuple[Floats, Floats, Ints]:
    """Return each row's confidence, whether its label is right, and its bin."""
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == truth).astype(float)
    bins = np.minimum((confidence * _CALIBRATION_BINS).astype(np.int64), _CALIBRATION_BINS - 1)
    return confidence, right, bins
