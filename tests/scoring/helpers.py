"""Predictions of arms, as probabilities that say a given label, and simulated ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmint.core.params import Evaluate
from labelmint.scoring.scores import ArmPredictions
from tests.builders import section

Ints = npt.NDArray[np.int64]
NAMES = ["negative", "positive", "neutral"]


def config(bootstrap_samples: int = 300, seed: int = 1) -> Evaluate:
    """Return an `evaluate` section."""
    return section("evaluate", seed=seed, bootstrap_samples=bootstrap_samples)


def arm(name: str, predicted: Ints, train_rows: int = 100, labels: int = 2) -> ArmPredictions:
    """Return an arm that says these labels, shape (seeds, rows), with confidence 0.8.

    Its name says what it is trained on: real rows, synthetic ones, or 100 real and synthetic ones; any other
    name is that of a student with 100 real rows.
    """
    kind = name.split("_")[0]
    training = {
        "real": {"real": train_rows},
        "synthetic": {"synthetic": train_rows},
        "mixed": {"real": 100, "synthetic": max(1, train_rows - 100)},
    }.get(kind)
    rest = 0.2 / (labels - 1)
    probabilities = np.full((*predicted.shape, labels), rest)
    np.put_along_axis(probabilities, predicted[..., None], 0.8, axis=2)
    if training is None:
        return ArmPredictions(name, train_rows, probabilities, real=100, student=name)
    return ArmPredictions(name, train_rows, probabilities, **training, student="auto")


def wrong_at(truth: Ints, *places: range, labels: int = 2) -> Ints:
    """Return predictions of one seed per range of places, right everywhere else."""
    predicted = np.tile(truth, (len(places), 1))
    for own, place in zip(predicted, places, strict=True):
        own[place] = (own[place] + 1) % labels
    return predicted


def simulated(
    draw: np.random.Generator, truth: Ints, easiness: npt.NDArray[np.float64], seeds: int, spread: float = 0.1
) -> Ints:
    """Return predictions whose errors depend on the row, on the seed and on chance."""
    score = 0.8 + easiness + draw.normal(0, spread, (seeds, 1)) + draw.normal(0, 0.7, (seeds, len(truth)))
    return np.where(score > 0, truth, 1 - truth)
