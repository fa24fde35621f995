"""Single test rows: those that most arms get wrong, and how far the language model agrees with itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from statsmodels.stats.inter_rater import fleiss_kappa

from labelmint.core.records import Input, input_of
from labelmint.scoring.scores import ArmPredictions, Ints

HARDEST_ROWS = 50


def hardest(
    arms: Sequence[ArmPredictions], truth: Ints, names: list[str], inputs: Sequence[Input]
) -> list[dict[str, Any]]:
    """Return up to 50 rows that most arms get wrong, worst first; rows that all get right are none.

    `wrong` is the share of wrong answers, every arm counting the same; among equals those come first whose
    true label is held the least probable. `predicted` is each arm's label by the mean over its seeds.
    """
    places = np.arange(len(truth))
    wrong = np.mean([(arm.predicted != truth).mean(axis=0) for arm in arms], axis=0)
    means = {arm.arm: arm.probabilities.mean(axis=0) for arm in arms}
    doubt = np.mean([mean[places, truth] for mean in means.values()], axis=0)
    # Rounded: the last digits of equal shares must not decide.
    order = np.lexsort((places, doubt.round(6), -wrong.round(6)))[:HARDEST_ROWS]
    return [
        {
            **input_of(inputs[place]),
            "label": names[truth[place]],
            "wrong": round(float(wrong[place]), 4),
            "predicted": {arm: names[mean[place].argmax()] for arm, mean in means.items()},
        }
        for place in order.tolist()
        if wrong[place] > 0
    ]


def subjectivity(arms: Sequence[ArmPredictions], labels: int) -> dict[str, Any]:
    """Return how far the language model's answers agree after different demonstrations.

    Each seed of an arm of the student `llm` draws other demonstrations. Nothing where no such arm has two
    seeds, or there is no test row.

    Parameters
    ----------
    labels : int
        Number of labels.

    Returns
    -------
    dict
        `agreement` (of two draws, mean over pairs and rows) and Fleiss' `kappa`, which allows for chance.
    """
    answers = next((arm.predicted for arm in arms if arm.student == "llm"), np.zeros((0, 0), np.int64))
    draws, rows = answers.shape
    if draws < 2 or not rows:
        return {}
    agreement = float(np.mean([(one == other).mean() for one, other in combinations(answers, 2)]))
    table = np.stack([(answers == label).sum(axis=0) for label in range(labels)], axis=1)
    # 0/0 where all answers are one label.
    kappa = 1.0 if (table.sum(axis=0) > 0).sum() == 1 else float(fleiss_kappa(table))
    return {"agreement": round(agreement, 4), "kappa": round(kappa, 4), "rows": rows, "draws": draws}
