"""Wrong labels, as a classifier sees them that was trained on all other rows (confident learning).

Northcutt et al. 2021, by cleanlab: which labels disagree with out-of-fold predictions more than the classes'
own noise explains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

from labelmint.encoder.data import folds_of
from labelmint.encoder.linear import best_strength, fit_head
from labelmint.encoder.vectors import Floats as Features
from labelmint.labelling.verify import log_softmax

_FOLDS = 5

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Evidence = dict[str, Any]


def label_issues(
    vectors: Features,
    labels: Ints,
    real_vectors: Features,
    real_labels: Ints,
    names: Sequence[str],
    threshold: float,
    seed: int,
) -> dict[int, Evidence]:
    """Return the places of the rows whose label is found wrong, with the evidence.

    Parameters
    ----------
    real_vectors, real_labels
        Rows that every fold's classifier is trained on; they are not judged.
    threshold : float
        Quality (probability of the row's own label) below which an issue counts.
    """
    places, said = out_of_fold(vectors, labels, real_vectors, real_labels, len(names), seed)
    if not len(places):
        return {}
    # cleanlab takes labels 0, 1, 2 … all of which have rows; a rare one may have none here.
    present, numbered = np.unique(labels[places], return_inverse=True)
    own, known = labels[places], said[:, present] / said[:, present].sum(axis=1, keepdims=True)
    quality = get_label_quality_scores(numbered, known, method="self_confidence")
    issues = find_label_issues(numbered, known, n_jobs=1)
    return {
        int(places[at]): {
            "label": names[own[at]],
            "suggested": names[int(said[at].argmax())],
            "quality": round(float(quality[at]), 4),
        }
        for at in np.flatnonzero(issues & (quality < threshold))
    }


def out_of_fold(
    vectors: Features, labels: Ints, real_vectors: Features, real_labels: Ints, count: int, seed: int
) -> tuple[Ints, Floats]:
    """Return places, and probabilities of shape (places, labels) by classifiers not trained on those rows.

    Rows of labels too rare to hold out are not among them.
    """
    folds = folds_of(labels, _FOLDS, seed) if len(set(labels.tolist())) > 1 else []
    if not folds:
        return np.zeros(0, np.int64), np.zeros((0, count))
    # Chosen once, on all rows: in every fold anew takes thirty times as long.
    strength = best_strength(_joined(real_vectors, vectors), np.concatenate([real_labels, labels]), seed)
    said = np.zeros((len(labels), count))
    for train, held_out in folds:
        own, targets = _joined(real_vectors, vectors[train]), np.concatenate([real_labels, labels[train]])
        weight, bias = fit_head(own, targets, count, seed, strength=strength)
        said[held_out] = np.exp(log_softmax((vectors[held_out] @ weight.T + bias).astype(np.float64)))
    places = np.sort(np.concatenate([held_out for _, held_out in folds]))
    return places, said[places]


def _joined(real: Features, rows: Features) -> Features:
    return np.concatenate([real, rows]) if len(real) else rows
