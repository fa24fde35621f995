"""Predictions of arms, as probabilities that say a given label."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from labelmint.core.params import Evaluate
from labelmint.scoring.scores import ArmPredictions
from tests.builders import section

Ints = npt.NDArray[np.int64]
NAMES = ["negative", "positive", "neutral"]


def config(bootstrap_samples: int = 150, seed: int = 1) -> Evaluate:
    """Return an `evaluate` section."""
    return section("evaluate", seed=seed, bootstrap_samples=bootstrap_samples)


def arm(name: str, predicted: Ints, train_rows: int = 100, labels: int = 2) -> ArmPredictions:
    """Return an arm that says these labels, shape (seeds, rows), with confidence 0.8.

    Its name says what it is trained on: real rows, synthetic ones, or 100 real rows with synthetic ones
    (mixed), with unlabelled texts (texts), or with half of each (all); any other name is that of a student
    with 100 real rows.
    """
    kind, added = name.split("_")[0], max(1, train_rows - 100)
    training: dict[str, Any] = {
        "real": {"real": train_rows},
        "synthetic": {"synthetic": train_rows},
        "mixed": {"real": 100, "synthetic": added},
        "texts": {"real": 100, "unlabelled": added},
        "all": {"real": 100, "synthetic": added // 2, "unlabelled": added // 2},
    }.get(kind, {"real": 100, "student": name})
    rest = 0.2 / (labels - 1)
    probabilities = np.full((*predicted.shape, labels), rest)
    np.put_along_axis(probabilities, predicted[..., None], 0.8, axis=2)
    return ArmPredictions(name, train_rows, probabilities, **{"student": "auto", **training})


def wrong_at(truth: Ints, *places: range, labels: int = 2) -> Ints:
    """Return predictions of one seed per range of places, right everywhere else."""
    predicted = np.tile(truth, (len(places), 1))
    for answers, place in zip(predicted, places, strict=True):
        answers[place] = (answers[place] + 1) % labels
    return predicted
