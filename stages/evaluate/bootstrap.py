"""Intervals by a hierarchical bootstrap: test rows are resampled, and within each sample the seeds.

All arms share the resampled rows, so that differences between arms are paired.
"""

from __future__ import annotations

import numpy as np

from stages.evaluate.scores import ArmPredictions, Floats, Ints, accuracies, macro_f1s


class Bootstrap:
    """Resampled scores of arms on one test set.

    Parameters
    ----------
    truth : shape (rows,)
        Numbers of the true labels.
    labels : int
        Number of labels.
    samples : int
        Number of resamples.
    seed : int
        Of the resampling.
    """

    def __init__(self, truth: Ints, labels: int, samples: int, seed: int) -> None:
        self.truth, self.labels = truth, labels
        rows = len(truth)
        self._random = np.random.default_rng(seed)
        self._weights = self._random.multinomial(rows, np.full(rows, 1 / rows), size=samples).astype(float)

    def accuracy(self, arm: ArmPredictions) -> Floats:
        """Return resampled accuracies, shape (samples,)."""
        return self._over_seeds(accuracies(arm.predicted, self.truth, self._weights))

    def macro_f1(self, arm: ArmPredictions) -> Floats:
        """Return resampled macro-F1, shape (samples,)."""
        return self._over_seeds(macro_f1s(arm.predicted, self.truth, self._weights, self.labels))

    def _over_seeds(self, scores: Floats) -> Floats:
        """Average over seeds drawn anew for each sample: (seeds, samples) → (samples,)."""
        seeds, samples = scores.shape
        drawn = self._random.multinomial(seeds, np.full(seeds, 1 / seeds), size=samples)
        mean = scores.mean(axis=0)
        # Resampling k seeds shows (k - 1)/k of their variance; with three that would be a third too little.
        inflation = np.sqrt(seeds / (seeds - 1)) if seeds > 1 else 1.0
        return np.asarray(mean + inflation * ((drawn * scores.T).sum(axis=1) / seeds - mean))


def interval(values: Floats) -> dict[str, float]:
    """Return the 95 % percentile interval."""
    low, high = np.quantile(values, [0.025, 0.975])
    return {"ci_low": round(float(low), 4), "ci_high": round(float(high), 4)}


def two_sided_p(differences: Floats) -> float:
    """Return the two-sided bootstrap p-value of "no difference"; at least 1 / (samples + 1)."""
    samples = len(differences)
    tail = min((differences <= 0).sum(), (differences >= 0).sum())
    return round(min(1.0, float(max(1, 2 * tail)) / (samples + 1)), 5)
