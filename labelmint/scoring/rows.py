"""Parts of the test set, rows that most arms get wrong, and how far the language model agrees with itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from statsmodels.stats.inter_rater import fleiss_kappa

from labelmint.core.arrays import Ints
from labelmint.core.params import Evaluate
from labelmint.core.records import Input, input_of, texts_of
from labelmint.core.words import count_words
from labelmint.scoring.bootstrap import Bootstrap, accuracy_interval
from labelmint.scoring.scores import ArmPredictions

HARDEST_ROWS = 50
_LENGTHS = 4


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

    Each seed of an arm of the student `llm` draws other demonstrations; of several such arms the one with
    most seeds is taken. Nothing where none has two seeds, or there is no test row. `agreement` is that of two
    draws, mean over pairs and rows; `kappa`, of Fleiss, allows for chance.
    """
    asked = [arm.predicted for arm in arms if arm.student == "llm"]
    answers = max(asked, key=len, default=np.zeros((0, 0), np.int64))
    draws, rows = answers.shape
    if draws < 2 or not rows:
        return {}
    agreement = float(np.mean([(one == other).mean() for one, other in combinations(answers, 2)]))
    table = np.stack([(answers == label).sum(axis=0) for label in range(labels)], axis=1)
    # 0/0 where all answers are one label.
    kappa = 1.0 if (table.sum(axis=0) > 0).sum() == 1 else float(fleiss_kappa(table))
    return {"agreement": round(agreement, 4), "kappa": round(kappa, 4), "rows": rows, "draws": draws}


def slices(
    arms: Sequence[ArmPredictions], truth: Ints, names: list[str], inputs: Sequence[Input], config: Evaluate
) -> dict[str, Any]:
    """Return for each arm the accuracies by length and by label, with intervals.

    A slice's rows are resampled among themselves: its size is given, not drawn.
    """
    words = np.array([sum(map(count_words, texts_of(row))) for row in inputs], np.int64)
    by_length = [("words", name, places) for name, places in length_bins(words)]
    by_label = [("label", name, np.flatnonzero(truth == number)) for number, name in enumerate(names)]
    result: dict[str, Any] = {arm.arm: {"length": [], "label": []} for arm in arms}
    for kind, parts in (("length", by_length), ("label", by_label)):
        for key, name, places in parts:
            if not len(places):
                continue
            bootstrap = Bootstrap(truth[places], len(names), config.bootstrap_samples, config.seed)
            for arm in arms:
                part = ArmPredictions(arm.arm, arm.train_rows, arm.probabilities[:, places])
                mean, rows = bootstrap.mean(part), len(places)
                entry = {key: name, "rows": rows, "accuracy": round(mean, 4)}
                wide = accuracy_interval(bootstrap.scores(part), mean, rows)
                result[arm.arm][kind].append({**entry, **wide})
    return result


def length_bins(words: Ints) -> list[tuple[str, Ints]]:
    """Return quarters of the rows by their words, as ("5–12", places); fewer where many are equal."""
    if not len(words):
        return []
    quantiles = np.quantile(words, np.arange(1, _LENGTHS + 1) / _LENGTHS, method="lower")
    bins, low = [], int(words.min())
    for high in np.unique(quantiles).tolist():
        name = f"{low}–{high}" if high > low else f"{low}"
        bins.append((name, np.flatnonzero((words >= low) & (words <= high))))
        low = high + 1
    return bins
