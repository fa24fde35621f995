"""Choose how much the rows of each made source count, by cross-validation on real rows.

Sources don't add up by themselves: on film reviews, a fine-tuned MiniLM scores 0.801 with labelled texts,
0.770 with synthetic rows, and 0.773 with both. The choice is made with a linear head on the encoder's
vectors, whatever student then learns from the rows: it takes seconds.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import log_softmax
from threadpoolctl import threadpool_limits

from labelmint.core.arrays import Floats, Floats32
from labelmint.core.calibration import fit_temperature
from labelmint.core.params import Arm
from labelmint.core.records import ArmRow
from labelmint.encoder.data import HeldOut, truth_of
from labelmint.encoder.linear import MANY_ROWS_C, held_out_logits
from labelmint.students.held_out import real_folds

WEIGHTS = (0.0, 0.3, 1.0)


def by_source(
    _: Arm, rows: Sequence[ArmRow], names: Sequence[str], features: Floats32, __: int
) -> tuple[Floats, dict[str, Any]]:
    """Return each row's weight: its source's with which a head makes held-out real rows most likely.

    Then the weights of the sources, and every combination that was tried with its held-out log-likelihood.
    Real rows have weight 1. With too few real rows to hold some out, every source has.
    """
    sources = np.array([row["source"] for row in rows])
    made = [name for name in ("synthetic", "unlabelled") if (sources == name).any()]
    splits = real_folds(rows, names)
    tried: list[dict[str, float]] = []
    for combination in itertools.product(WEIGHTS, repeat=len(made)) if splits else ():
        weights = {"real": 1.0, **dict(zip(made, combination, strict=True))}
        of_rows = np.array([weights[source] for source in sources])
        likelihood = held_out_likelihood(features, of_rows, splits, len(names))
        tried.append({**weights, "log_likelihood": round(likelihood, 4)})
    best = max(tried, key=lambda entry: entry["log_likelihood"], default={})
    chosen = {name: best.get(name, 1.0) for name in ("real", *made)}
    weights_of_rows = np.array([chosen[source] for source in sources])
    return weights_of_rows, {"weights": chosen, "weights_tried": tried}


def held_out_likelihood(features: Floats32, weights: Floats, splits: Sequence[HeldOut], count: int) -> float:
    """Return the mean log-likelihood of held-out real rows, after temperature scaling; of `count` labels."""
    # The BLAS's threads wait for each other in these small products.
    with threadpool_limits(1):
        logits = held_out_logits(features, weights, splits, MANY_ROWS_C, count)
    truth = truth_of(splits)
    scaled = log_softmax(logits / fit_temperature(logits, truth), axis=1)
    return float(scaled[np.arange(len(truth)), truth].mean())
