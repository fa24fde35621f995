"""Put the arms side by side: scores with intervals, paired gains, label equivalence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stages.evaluate.bootstrap import Bootstrap, interval, two_sided_p
from stages.evaluate.equivalence import label_equivalence
from stages.evaluate.scores import (
    ArmPredictions,
    Floats,
    Ints,
    accuracies,
    calibration_error,
    label_scores,
    macro_f1s,
)
from stages.params import Evaluate

_GAINS = [("mixed", "real"), ("synthetic", "real"), ("mixed", "synthetic")]


def compare(
    arms: Sequence[ArmPredictions], truth: Ints, names: list[str], config: Evaluate
) -> dict[str, Any]:
    """Return all of evaluate.json but the task's name."""
    bootstrap = Bootstrap(truth, len(names), config.bootstrap_samples, config.seed)
    every = np.ones((1, len(truth)))
    accuracy = {arm.arm: accuracies(arm.predicted, truth, every)[:, 0] for arm in arms}
    drawn = {arm.arm: bootstrap.accuracy(arm) for arm in arms}
    result = {}
    for arm in arms:
        f1 = macro_f1s(arm.predicted, truth, every, len(names))[:, 0]
        result[arm.arm] = {
            "train_rows": arm.train_rows,
            "accuracy": _score(accuracy[arm.arm], drawn[arm.arm]),
            "macro_f1": _score(f1, bootstrap.macro_f1(arm)),
            "calibration_error": round(calibration_error(arm.probabilities, truth), 4),
            "labels": label_scores(arm.predicted, truth, names),
        }
    return {
        "test_rows": len(truth),
        "note": "",
        "baselines": {"majority": {"accuracy": round(float(np.bincount(truth).max() / len(truth)), 4)}},
        "arms": result,
        "gain": _gains(accuracy, drawn),
        "label_equivalence": _equivalences(arms, accuracy, drawn),
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


def _score(by_seed: Floats, samples: Floats) -> dict[str, float]:
    sd = float(by_seed.std(ddof=1)) if len(by_seed) > 1 else 0.0
    return {"mean": round(float(by_seed.mean()), 4), "sd": round(sd, 4), **interval(samples)}


def _gains(accuracy: Mapping[str, Floats], drawn: Mapping[str, Floats]) -> dict[str, Any]:
    gains = {}
    for one, other in _GAINS:
        if one in accuracy and other in accuracy:
            differences = drawn[one] - drawn[other]
            gains[f"{one}_vs_{other}"] = {
                "accuracy": round(float(accuracy[one].mean() - accuracy[other].mean()), 4),
                **interval(differences),
                "p_value": two_sided_p(differences),
            }
    return gains


def _equivalences(
    arms: Sequence[ArmPredictions], accuracy: Mapping[str, Floats], drawn: Mapping[str, Floats]
) -> dict[str, Any]:
    """Return the label equivalence of the arms with synthetic rows; none without two real arms."""
    real = sorted(
        (arm for arm in arms if re.fullmatch(r"real(_\d+)?", arm.arm)), key=lambda arm: arm.train_rows
    )
    if len(real) < 2:
        return {}
    sizes = [arm.train_rows for arm in real]
    curve = np.array([accuracy[arm.arm].mean() for arm in real])
    curve_samples = np.stack([drawn[arm.arm] for arm in real])
    return {
        arm.arm: label_equivalence(
            float(accuracy[arm.arm].mean()), drawn[arm.arm], sizes, curve, curve_samples
        )
        for arm in arms
        if arm.arm in ("synthetic", "mixed")
    }
