"""Intervals over test rows and training seeds, two crossed sources of chance.

Test rows are resampled; all arms share the resampled rows, so that differences between arms are paired. The
spread of the seeds is then added as noise. To resample the seeds as well counts three times what row and seed
do together (such a bootstrap "is mildly conservative", Owen 2007, Owen & Eckles 2012): the seeds' scores
differ by the rows that happen to be tested, drawing rows anew moves them further apart, and the mean over the
seeds has its share already. So that part, which the resampled rows show, is taken off the variance between
seeds. As the variance of k seeds is itself uncertain, the noise has Student's t distribution with k - 1
degrees of freedom: a Behrens-Fisher (fiducial) interval. docs/explanation/measurements.md says how often it
is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from labelmint.core.arrays import Floats, Ints
from labelmint.scoring.scores import ArmPredictions, weighted_scores
from labelmint.tasks.balance import Metric


@dataclass(frozen=True)
class Spread:
    """Variance of a mean over seeds that is due to the seeds alone, and its degrees of freedom."""

    variance: float = 0.0
    freedom: float = 1.0

    def __add__(self, other: Spread) -> Spread:
        """Return the spread of a difference, with the fewer degrees of freedom.

        Welch's and Satterthwaite's are more, and call equal arms different in up to 6.4 % of repeats.
        """
        freedom = [spread.freedom for spread in (self, other) if spread.variance]
        return Spread(self.variance + other.variance, min(freedom)) if freedom else Spread()


def seed_spread(scores: Floats, resampled: Floats) -> Spread:
    """Return what the seeds add to the variance of their mean; nothing for one seed, which can't show it.

    `scores`, shape (seeds,), are of the test rows; `resampled`, shape (seeds, samples), of resampled ones.
    """
    seeds = len(scores)
    if seeds < 2:
        return Spread()
    apart = resampled - resampled.mean(axis=0)
    by_rows = apart.var(axis=1).sum() / (seeds - 1)
    return Spread(max(0.0, float(scores.var(ddof=1) - by_rows)) / seeds, seeds - 1)


class Bootstrap:
    """Resampled scores of arms on one test set, whose rows have the label numbers `truth`, shape (rows,)."""

    def __init__(self, truth: Ints, labels: int, samples: int, seed: int) -> None:
        self.truth, self.labels, self.seed = truth, labels, seed
        rows = len(truth)
        draw = np.random.default_rng(seed)
        self._once = np.ones((1, rows))
        self._weights = draw.multinomial(rows, np.full(rows, 1 / rows), size=samples).astype(float)

    def by_seed(self, arm: ArmPredictions, metric: Metric = "accuracy") -> Floats:
        """Return the scores on the test rows as they are, shape (seeds,)."""
        return weighted_scores(metric, arm.predicted, self.truth, self._once, self.labels)[:, 0]

    def mean(self, arm: ArmPredictions, metric: Metric = "accuracy") -> float:
        """Return the mean score over the seeds."""
        return float(self.by_seed(arm, metric).mean())

    def score(
        self, arm: ArmPredictions, metric: Metric = "accuracy", samples: Floats | None = None
    ) -> dict[str, float]:
        """Return the mean over the seeds, their standard deviation, and the interval.

        `samples` are what `scores` returned, where that is known.
        """
        by_seed, samples = self.by_seed(arm, metric), self.scores(arm, metric) if samples is None else samples
        mean, sd = float(by_seed.mean()), float(by_seed.std(ddof=1)) if len(by_seed) > 1 else 0.0
        if metric == "accuracy":
            wide = accuracy_interval(samples, mean, len(self.truth))
        else:
            wide = score_interval(samples)
        return {"mean": round(mean, 4), "sd": round(sd, 4), **wide}

    def scores(self, arm: ArmPredictions, metric: Metric = "accuracy") -> Floats:
        """Return resampled scores, shape (samples,)."""
        resampled, spread = self._resampled(arm, metric)
        return resampled + self._noise(spread, arm.arm)

    def difference(self, one: ArmPredictions, other: ArmPredictions, metric: Metric = "accuracy") -> Floats:
        """Return resampled differences of two arms' scores, paired by test row, shape (samples,)."""
        (resampled, spread), (others, other_spread) = (self._resampled(arm, metric) for arm in (one, other))
        return resampled - others + self._noise(spread + other_spread, f"{one.arm} {other.arm}")

    def gain(
        self, one: ArmPredictions, other: ArmPredictions, metric: Metric = "accuracy"
    ) -> dict[str, float]:
        """Return two arms' difference with its interval, and the p-value of there being none."""
        differences = self.difference(one, other, metric)
        mean = self.mean(one, metric) - self.mean(other, metric)
        return {metric: round(mean, 4), **interval(differences), "p_value": two_sided_p(differences)}

    def _resampled(self, arm: ArmPredictions, metric: Metric) -> tuple[Floats, Spread]:
        resampled = weighted_scores(metric, arm.predicted, self.truth, self._weights, self.labels)
        return np.asarray(resampled.mean(axis=0)), seed_spread(self.by_seed(arm, metric), resampled)

    def _noise(self, spread: Spread, name: str) -> Floats:
        """Return one draw per sample, that of the name: an arm's interval doesn't depend on the others."""
        samples = len(self._weights)
        draw = np.random.default_rng([self.seed, crc32(name.encode())])
        return np.asarray(np.sqrt(spread.variance) * draw.standard_t(spread.freedom, samples))


def interval(values: Floats) -> dict[str, float]:
    """Return the 95 % percentile interval."""
    low, high = np.quantile(values, [0.025, 0.975])
    return {"ci_low": round(float(low), 4), "ci_high": round(float(high), 4)}


def score_interval(values: Floats) -> dict[str, float]:
    """Return the 95 % interval of a score from 0 to 1, which a few seeds' spread may lead out of."""
    return interval(np.clip(values, 0, 1))


def accuracy_interval(values: Floats, mean: float, rows: int) -> dict[str, float]:
    """Return the interval of resampled accuracies, at least as wide as Wilson's (1927) of `mean` on `rows`.

    Where all rows are right, so are all that are drawn from them, and the resampled interval has no width.
    """
    resampled = score_interval(values)
    low, high = proportion_confint(mean * rows, rows, method="wilson")
    return {
        "ci_low": min(resampled["ci_low"], round(float(low), 4)),
        "ci_high": max(resampled["ci_high"], round(float(high), 4)),
    }


def two_sided_p(differences: Floats) -> float:
    """Return the two-sided bootstrap p-value of "no difference"; at least 1 / (samples + 1)."""
    samples = len(differences)
    tail = min((differences <= 0).sum(), (differences >= 0).sum())
    return round(min(1.0, float(max(1, 2 * tail)) / (samples + 1)), 5)


def adjust(gains: Sequence[dict[str, Any]]) -> None:
    """Add `p_adjusted`, which allows for there being several (Holm 1979): one may seem to gain by chance."""
    if gains:
        adjusted = multipletests([gain["p_value"] for gain in gains], method="holm")[1]
        for gain, p_value in zip(gains, adjusted, strict=True):
            gain["p_adjusted"] = round(float(p_value), 5)
