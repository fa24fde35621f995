"""How far an arm's scores in two runs differ, and whether that is more than noise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import norm

from labelmint.compare.runs import Run
from labelmint.core.params import SEEDLESS_STUDENTS
from labelmint.scoring.answers import Answers
from labelmint.scoring.bootstrap import Bootstrap, adjust
from labelmint.tasks.balance import Metric

# As in params.yaml; fixed, so that a difference doesn't depend on which of the two runs sets them otherwise.
_SAMPLES, _SEED = 2000, 1
_SIGNIFICANT = 0.05
_SDS = float(norm.ppf(0.975))  # half of a 95 % interval, in standard deviations


def verdict(gain: Mapping[str, Any]) -> str:
    """Say whether it is more than noise; `p_adjusted` allows for there being several (Holm 1979)."""
    if gain["same_answers"]:
        return "same answers"
    if gain["p_value"] > _SIGNIFICANT:
        return "no"
    if gain["p_adjusted"] > _SIGNIFICANT:
        return "by itself, not among so many"
    return "yes, but one seed" if gain["one_seed"] else "yes"


def why_unpaired(base: Run, head: Run) -> str:
    """Return why rows can't be paired; "" if they can."""
    if base.answers is None or head.answers is None:
        return "the test rows' predictions are not in both commits"
    if base.answers.test_set != head.answers.test_set or base.answers.names != head.answers.names:
        return "the test rows differ"
    return ""


def differences(base: Run, head: Run, metric: Metric) -> dict[str, dict[str, Any]]:
    """Return how the arms that both runs scored differ, by arm, as gains in evaluate.json.

    Beside these `same_answers`: whether all predictions are the same; `one_seed`: whether a side was trained
    with one seed, so that another seed might have made as large a difference.
    """
    shared = [arm for arm in head.evaluate["arms"] if score(base, arm, metric) and score(head, arm, metric)]
    if base.answers and head.answers and not why_unpaired(base, head):
        found = _paired(
            base.answers, head.answers, [arm for arm in shared if arm in base.answers.arms], metric
        )
    else:
        found = {arm: _unpaired(score(base, arm, metric), score(head, arm, metric), metric) for arm in shared}
    for arm, gain in found.items():
        gain["one_seed"] = any(_one_seed(run, arm) for run in (base, head))
    adjust([gain for gain in found.values() if not gain["same_answers"]])
    return found


def _one_seed(run: Run, arm: str) -> bool:
    """Return whether an arm was trained with one seed, though its student depends on the seed."""
    seedless = run.evaluate["arms"][arm].get("student") in SEEDLESS_STUDENTS
    return run.metrics(f"train/{arm}").get("seeds") == 1 and not seedless


def score(run: Run, arm: str, metric: str) -> Mapping[str, Any]:
    """Return an arm's score with its interval; empty if the run has none."""
    found = (run.evaluate["arms"].get(arm) or {}).get(metric) or {}
    return found if {"mean", "ci_low", "ci_high"} <= found.keys() else {}


def _paired(base: Answers, head: Answers, arms: list[str], metric: Metric) -> dict[str, dict[str, Any]]:
    """Resample the test rows of both runs together."""
    if not arms:
        return {}
    bootstrap = Bootstrap(head.truth, len(head.names), _SAMPLES, _SEED)
    return {
        arm: {
            **bootstrap.gain(head.arms[arm], base.arms[arm], metric),
            "same_answers": np.array_equal(head.arms[arm].predicted, base.arms[arm].predicted),
        }
        for arm in arms
    }


def _unpaired(base: Mapping[str, Any], head: Mapping[str, Any], metric: Metric) -> dict[str, Any]:
    """Take the scores for independent and normal, with the spread that their intervals show.

    Too wide where both tested the same rows, on which their errors go together.
    """
    points = head["mean"] - base["mean"]
    widths = (base["ci_high"] - base["ci_low"], head["ci_high"] - head["ci_low"])
    half = math.hypot(*widths) / 2
    sd = half / _SDS
    p_value = 2 * float(norm.sf(abs(points) / sd)) if sd else float(points == 0)
    return {
        metric: points,
        "ci_low": points - half,
        "ci_high": points + half,
        "p_value": p_value,
        "same_answers": False,
    }
