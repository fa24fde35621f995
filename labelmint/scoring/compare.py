"""Put arms side by side: scores with intervals, paired gains, label equivalence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from statsmodels.stats.multitest import multipletests

from labelmint.core.params import Evaluate
from labelmint.scoring.bootstrap import Bootstrap, interval, score_interval, two_sided_p
from labelmint.scoring.equivalence import label_equivalence
from labelmint.scoring.roles import Roles
from labelmint.scoring.scores import (
    ArmPredictions,
    Floats,
    Ints,
    accuracy_by_seed,
    calibration_error,
    label_scores,
    macro_f1s,
)

ONE_SEED = "trained with one seed, so the interval doesn't cover the spread between seeds"


def compare(roles: Roles, truth: Ints, names: list[str], config: Evaluate) -> dict[str, Any]:
    """Return what evaluate.json says of scores: all but the task's name, slices and subjectivity."""
    arms = roles.arms
    bootstrap = Bootstrap(truth, len(names), config.bootstrap_samples, config.seed)
    accuracy = {arm.arm: accuracy_by_seed(arm, truth) for arm in arms}
    resampled = {arm.arm: bootstrap.accuracy(arm) for arm in arms}
    scores = {
        arm.arm: {
            **definition(arm, roles),
            "accuracy": _score(accuracy[arm.arm], resampled[arm.arm]),
            "macro_f1": _score(_f1_by_seed(arm, truth, len(names)), bootstrap.macro_f1(arm)),
            "calibration_error": round(calibration_error(arm.probabilities, truth), 4),
            "labels": label_scores(arm.predicted, truth, names),
        }
        for arm in arms
    }
    single = [arm.arm for arm in arms if len(arm.probabilities) == 1]
    return {
        "test_rows": len(truth),
        "note": f"{', '.join(single)}: {ONE_SEED}" if single else "",
        **_headline(roles),
        "arms": scores,
        "gain": _gains(roles, bootstrap),
        "label_equivalence": _equivalences(roles, accuracy, resampled),
    }


def unscored(roles: Roles) -> dict[str, Any]:
    """Return what `compare` does, for a task without test labels: its keys, and no scores."""
    return {
        "test_rows": 0,
        "note": "no test labels: nothing could be scored",
        **_headline(roles),
        "arms": {arm.arm: definition(arm, roles) for arm in roles.arms},
        "gain": {},
        "label_equivalence": {},
    }


def definition(arm: ArmPredictions, roles: Roles) -> dict[str, Any]:
    """Return what an arm was trained on, by which student, and whether that is the main arm's."""
    return {
        "train_rows": arm.train_rows,
        "real": arm.real,
        "synthetic": arm.synthetic,
        "student": arm.student,
        "main_student": arm.student == roles.main.student,
    }


def _headline(roles: Roles) -> dict[str, str]:
    counterpart = roles.counterpart(roles.main) if roles.main.synthetic else None
    return {"main_arm": roles.main.arm, "counterpart": counterpart.arm if counterpart else ""}


def _f1_by_seed(arm: ArmPredictions, truth: Ints, labels: int) -> Floats:
    return np.asarray(macro_f1s(arm.predicted, truth, np.ones((1, len(truth))), labels)[:, 0])


def _score(by_seed: Floats, samples: Floats) -> dict[str, float]:
    sd = float(by_seed.std(ddof=1)) if len(by_seed) > 1 else 0.0
    return {"mean": round(float(by_seed.mean()), 4), "sd": round(sd, 4), **score_interval(samples)}


def _gains(roles: Roles, bootstrap: Bootstrap) -> dict[str, Any]:
    """Return the paired differences; `p_adjusted` allows for there being several (Holm 1979)."""
    gains: dict[str, dict[str, Any]] = {}
    for one, other in roles.comparisons():
        differences = bootstrap.difference(one, other)
        accuracy, baseline = (accuracy_by_seed(arm, bootstrap.truth).mean() for arm in (one, other))
        gains[f"{one.arm}_vs_{other.arm}"] = {
            "one": one.arm,
            "other": other.arm,
            "accuracy": round(float(accuracy - baseline), 4),
            **interval(differences),
            "p_value": two_sided_p(differences),
        }
    if gains:
        adjusted = multipletests([gain["p_value"] for gain in gains.values()], method="holm")[1]
        for gain, p_value in zip(gains.values(), adjusted, strict=True):
            gain["p_adjusted"] = round(float(p_value), 5)
    return gains


def _equivalences(
    roles: Roles, accuracy: Mapping[str, Floats], resampled: Mapping[str, Floats]
) -> dict[str, Any]:
    """Return how many real rows each arm scores like, on the real curve of its own student.

    A student without a curve of two points is compared with the main arm's. Arms on a curve have none.
    """
    equivalences = {}
    main_curve = roles.real_curve(roles.main.student)
    for arm in roles.arms:
        curve = roles.real_curve(arm.student)
        if len(curve) < 2:
            curve = main_curve
        if len(curve) < 2 or any(arm is point for point in curve):
            continue
        equivalences[arm.arm] = label_equivalence(
            float(accuracy[arm.arm].mean()),
            resampled[arm.arm],
            [point.real for point in curve],
            np.array([accuracy[point.arm].mean() for point in curve]),
            np.stack([resampled[point.arm] for point in curve]),
        )
    return equivalences
