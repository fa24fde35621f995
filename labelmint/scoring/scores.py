"""Scores of an arm's predictions, for the test rows as they are and for resampled ones alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_CALIBRATION_BINS = 15


@dataclass(frozen=True)
class ArmPredictions:
    """Predictions of an arm or a baseline; `probabilities` has the shape (seeds, test rows, labels)."""

    arm: str
    train_rows: int
    probabilities: Floats

    @property
    def predicted(self) -> Ints:
        """Most probable labels, shape (seeds, test rows)."""
        return self.probabilities.argmax(axis=2)


def accuracies(predicted: Ints, truth: Ints, weights: Floats) -> Floats:
    """Return accuracy per seed and sample, shape (seeds, samples).

    Parameters
    ----------
    predicted : shape (seeds, rows)
    truth : shape (rows,)
    weights : shape (samples, rows)
        How often each sample holds each test row.
    """
    return np.asarray((predicted == truth).astype(float) @ weights.T / weights.sum(axis=1))


def macro_f1s(predicted: Ints, truth: Ints, weights: Floats, labels: int) -> Floats:
    """Return macro-averaged F1 per seed and sample, shape (seeds, samples)."""
    total = np.zeros((len(predicted), len(weights)))
    for label in range(labels):
        total += _f1(*_counts(predicted, truth, weights, label))
    return total / labels


def label_scores(predicted: Ints, truth: Ints, names: list[str]) -> dict[str, dict[str, float]]:
    """Return precision, recall and F1 of each label, means over the seeds."""
    every = np.ones((1, len(truth)))
    result = {}
    for label, name in enumerate(names):
        hits, said, real = _counts(predicted, truth, every, label)
        scores = {
            "precision": hits / np.maximum(said, 1),
            "recall": hits / np.maximum(real, 1),
            "f1": _f1(hits, said, real),
        }
        result[name] = {key: round(float(value.mean()), 4) for key, value in scores.items()}
    return result


def calibration_error(probabilities: Floats, truth: Ints) -> float:
    """Return the expected calibration error (Guo et al. 2017), 15 equal bins, mean over the seeds."""
    errors = []
    for own in probabilities:
        confidence, right, bins = _binned(own, truth)
        gaps = np.bincount(bins, weights=right - confidence, minlength=_CALIBRATION_BINS)
        errors.append(np.abs(gaps).sum() / len(truth))
    return float(np.mean(errors))


def reliability(probabilities: Floats, truth: Ints) -> list[tuple[int, float, float, int]]:
    """Return the bins that hold answers, over all seeds: number, mean confidence, accuracy, answers."""
    confidence, right, bins = (
        np.concatenate(parts) for parts in zip(*(_binned(own, truth) for own in probabilities), strict=True)
    )
    return [
        (number, float(confidence[own].mean()), float(right[own].mean()), int(own.sum()))
        for number in range(_CALIBRATION_BINS)
        if (own := bins == number).any()
    ]


def _binned(probabilities: Floats, truth: Ints) -> tuple[Floats, Floats, Ints]:
    """Return each row's confidence, whether its label is right, and its bin."""
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == truth).astype(float)
    bins = np.minimum((confidence * _CALIBRATION_BINS).astype(np.int64), _CALIBRATION_BINS - 1)
    return confidence, right, bins


def _counts(predicted: Ints, truth: Ints, weights: Floats, label: int) -> tuple[Floats, Floats, Floats]:
    """Return hits, predictions and occurrences of a label, each of shape (seeds, samples)."""
    said, real = (predicted == label).astype(float), (truth == label).astype(float)
    return (
        (said * real) @ weights.T,
        said @ weights.T,
        np.broadcast_to(real @ weights.T, (len(said), len(weights))),
    )


def _f1(hits: Floats, said: Floats, real: Floats) -> Floats:
    return np.asarray(2 * hits / np.maximum(said + real, 1))
