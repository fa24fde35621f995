"""Accuracy on parts of the test set: by label, and by length in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelmint.core.params import Evaluate
from labelmint.core.records import Input, texts_of
from labelmint.core.words import count_words
from labelmint.scoring.bootstrap import Bootstrap, score_interval
from labelmint.scoring.scores import ArmPredictions, Ints, scores_by_seed

_LENGTHS = 4


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
                accuracy = float(scores_by_seed(part, truth[places], len(names)).mean())
                entry = {key: name, "rows": len(places), "accuracy": round(accuracy, 4)}
                result[arm.arm][kind].append({**entry, **score_interval(bootstrap.scores(part))})
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
