"""How far an arm's scores in two runs differ, and whether that is more than noise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

from labelmint.compare.runs import Run
from labelmint.scoring.answers import Answers
from labelmint.scoring.bootstrap import Bootstrap, interval, two_sided_p
from labelmint.tasks.balance import Metric

# As in params.yaml; fixed, so that a difference doesn't depend on which of the two runs sets them otherwise.
_SAMPLES, _SEED = 2000, 1
_SIGNIFICANT = 0.05
_SDS = float(norm.ppf(0.975))  # half of a 95 % interval, in standard deviations


@dataclass
class Difference:
    """An arm's score in the second run less that in the first, with its 95 % interval."""

    arm: str
    points: float
    interval: Mapping[str, float]
    p_value: float
    p_adjusted: float = 1.0
    same_answers: bool = False

    @property
    def verdict(self) -> str:
        """Say whether it is more than noise; `p_adjusted` allows for there being several (Holm 1979)."""
        if self.same_answers:
            return "same answers"
        if self.p_value > _SIGNIFICANT:
            return "no"
        return "yes" if self.p_adjusted <= _SIGNIFICANT else "by itself, not among so many"


def why_unpaired(base: Run, head: Run) -> str:
    """Return why rows can't be paired; "" if they can."""
    if base.answers is None or head.answers is None:
        return "the test rows' predictions are not in both commits"
    if base.answers.test_set != head.answers.test_set or base.answers.names != head.answers.names:
        return "the test rows differ"
    return ""


def differences(base: Run, head: Run, metric: Metric) -> dict[str, Difference]:
    """Return the differences of the arms that both runs scored, by arm."""
    shared = [arm for arm in head.evaluate["arms"] if score(base, arm, metric) and score(head, arm, metric)]
    if base.answers and head.answers and not why_unpaired(base, head):
        found = _paired(
            base.answers, head.answers, [arm for arm in shared if arm in base.answers.arms], metric
        )
    else:
        found = [_unpaired(arm, score(base, arm, metric), score(head, arm, metric)) for arm in shared]
    tested = [difference for difference in found if not difference.same_answers]
    if tested:
        adjusted = multipletests([difference.p_value for difference in tested], method="holm")[1]
        for difference, p_value in zip(tested, adjusted, strict=True):
            difference.p_adjusted = float(p_value)
    return {difference.arm: difference for difference in found}


def score(run: Run, arm: str, metric: str) -> Mapping[str, Any]:
    """Return an arm's score with its interval; empty if the run has none."""
    found = (run.evaluate["arms"].get(arm) or {}).get(metric) or {}
    return found if {"mean", "ci_low", "ci_high"} <= found.keys() else {}


def _paired(base: Answers, head: Answers, arms: list[str], metric: Metric) -> list[Difference]:
    """Resample the test rows of both runs together."""
    if not arms:
        return []
    bootstrap = Bootstrap(head.truth, len(head.names), _SAMPLES, _SEED)
    found = []
    for arm in arms:
        one, other = head.arms[arm], base.arms[arm]
        same = np.array_equal(one.predicted, other.predicted)
        samples = bootstrap.difference(one, other, metric)
        points = bootstrap.mean(one, metric) - bootstrap.mean(other, metric)
        found.append(Difference(arm, points, interval(samples), two_sided_p(samples), same_answers=same))
    return found


def _unpaired(arm: str, base: Mapping[str, Any], head: Mapping[str, Any]) -> Difference:
    """Take the scores for independent and normal, with the spread that their intervals show.

    Too wide where both tested the same rows, on which their errors go together.
    """
    points = head["mean"] - base["mean"]
    widths = (base["ci_high"] - base["ci_low"], head["ci_high"] - head["ci_low"])
    half = math.hypot(*widths) / 2
    sd = half / _SDS
    p_value = 2 * float(norm.sf(abs(points) / sd)) if sd else float(points == 0)
    return Difference(arm, points, {"ci_low": points - half, "ci_high": points + half}, p_value)
