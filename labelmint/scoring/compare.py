"""Put arms and baselines side by side: scores with intervals, paired gains, label equivalence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from statsmodels.stats.multitest import multipletests

from labelmint.core.params import Evaluate
from labelmint.scoring.bootstrap import Bootstrap, interval, score_interval, two_sided_p
from labelmint.scoring.equivalence import label_equivalence
from labelmint.scoring.scores import (
    ArmPredictions,
    Floats,
    Ints,
    accuracies,
    calibration_error,
    label_scores,
    macro_f1s,
)

ONE_SEED = "one training seed: the intervals don't cover the spread between seeds"


def compare(
    arms: Sequence[ArmPredictions],
    truth: Ints,
    names: list[str],
    config: Evaluate,
    baselines: Sequence[ArmPredictions] = (),
) -> dict[str, Any]:
    """Return what evaluate.json says of scores: all but the task's name, slices and subjectivity."""
    bootstrap = Bootstrap(truth, len(names), config.bootstrap_samples, config.seed)
    every = [*arms, *baselines]
    accuracy = {arm.arm: accuracy_by_seed(arm, truth) for arm in every}
    drawn = {arm.arm: bootstrap.accuracy(arm) for arm in every}
    scores = {
        arm.arm: {
            "accuracy": _score(accuracy[arm.arm], drawn[arm.arm]),
            "macro_f1": _score(_f1_by_seed(arm, truth, len(names)), bootstrap.macro_f1(arm)),
            "calibration_error": round(calibration_error(arm.probabilities, truth), 4),
        }
        for arm in every
    }
    return {
        "test_rows": len(truth),
        "note": ONE_SEED if any(len(arm.probabilities) == 1 for arm in arms) else "",
        "baselines": {arm.arm: scores[arm.arm] for arm in baselines},
        "arms": {
            arm.arm: {
                "train_rows": arm.train_rows,
                **scores[arm.arm],
                "labels": label_scores(arm.predicted, truth, names),
            }
            for arm in arms
        },
        "gain": _gains(arms, baselines, bootstrap),
        "label_equivalence": _equivalences(every, accuracy, drawn),
    }


def unscored(arms: Sequence[ArmPredictions]) -> dict[str, Any]:
    """Return what `compare` does, for a task without test labels: its keys, and no scores."""
    return {
        "test_rows": 0,
        "note": "no test labels: nothing could be scored",
        "baselines": {},
        "arms": {arm.arm: {"train_rows": arm.train_rows} for arm in arms},
        "gain": {},
        "label_equivalence": {},
    }


def accuracy_by_seed(arm: ArmPredictions, truth: Ints) -> Floats:
    """Return the accuracies on the test rows as they are, shape (seeds,)."""
    return np.asarray(accuracies(arm.predicted, truth, np.ones((1, len(truth))))[:, 0])


def _f1_by_seed(arm: ArmPredictions, truth: Ints, labels: int) -> Floats:
    return np.asarray(macro_f1s(arm.predicted, truth, np.ones((1, len(truth))), labels)[:, 0])


def _score(by_seed: Floats, samples: Floats) -> dict[str, float]:
    sd = float(by_seed.std(ddof=1)) if len(by_seed) > 1 else 0.0
    return {"mean": round(float(by_seed.mean()), 4), "sd": round(sd, 4), **score_interval(samples)}


def _gains(
    arms: Sequence[ArmPredictions], baselines: Sequence[ArmPredictions], bootstrap: Bootstrap
) -> dict[str, Any]:
    """Return the paired differences; `p_adjusted` allows for there being several (Holm 1979)."""
    gains: dict[str, dict[str, float]] = {}
    for one, other in _pairs(arms, baselines):
        differences = bootstrap.difference(one, other)
        own, others = (accuracy_by_seed(arm, bootstrap.truth).mean() for arm in (one, other))
        gains[f"{one.arm}_vs_{other.arm}"] = {
            "accuracy": round(float(own - others), 4),
            **interval(differences),
            "p_value": two_sided_p(differences),
        }
    if gains:
        adjusted = multipletests([gain["p_value"] for gain in gains.values()], method="holm")[1]
        for gain, p_value in zip(gains.values(), adjusted, strict=True):
            gain["p_adjusted"] = round(float(p_value), 5)
    return gains


def _pairs(
    arms: Sequence[ArmPredictions], baselines: Sequence[ArmPredictions]
) -> Iterator[tuple[ArmPredictions, ArmPredictions]]:
    """Yield what is compared: arms with synthetic rows and real; mixed and synthetic; mixed and baselines."""
    by_name = {arm.arm: arm for arm in arms}
    mixed, synthetic, real = (by_name.get(name) for name in ("mixed", "synthetic", "real"))
    points = [arm for arm in arms if re.fullmatch(r"(mixed|synthetic)_\d+", arm.arm)]
    if real:
        yield from ((arm, real) for arm in (mixed, synthetic) if arm)
    if mixed and synthetic:
        yield mixed, synthetic
    if real:
        yield from ((arm, real) for arm in points)
    own = mixed or synthetic
    if own:
        yield from ((own, baseline) for baseline in baselines)


def _equivalences(
    every: Sequence[ArmPredictions], accuracy: Mapping[str, Floats], drawn: Mapping[str, Floats]
) -> dict[str, Any]:
    """Return the label equivalence of all but the real arms; none without two of these."""
    real = [arm for arm in every if re.fullmatch(r"real(_\d+)?", arm.arm)]
    real.sort(key=lambda arm: arm.train_rows)
    if len(real) < 2:
        return {}
    sizes = [arm.train_rows for arm in real]
    curve = np.array([accuracy[arm.arm].mean() for arm in real])
    curve_samples = np.stack([drawn[arm.arm] for arm in real])
    return {
        arm.arm: label_equivalence(
            float(accuracy[arm.arm].mean()), drawn[arm.arm], sizes, curve, curve_samples
        )
        for arm in every
        if arm not in real
    }
