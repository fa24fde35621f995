"""Put arms side by side: scores with intervals, paired gains, label equivalence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import numpy as np

from labelmint.core.arrays import Floats, Ints
from labelmint.core.params import SEEDLESS_STUDENTS, Evaluate
from labelmint.scoring.bootstrap import Bootstrap, adjust, interval
from labelmint.scoring.equivalence import label_equivalence
from labelmint.scoring.roles import Roles
from labelmint.scoring.scores import ArmPredictions, calibration_by_chance, calibration_error, label_scores
from labelmint.tasks.balance import Metric

_ONE_SEED = "trained with one seed, so the interval doesn't cover the spread between seeds"


def evaluate(
    roles: Roles, truth: Ints, names: list[str], config: Evaluate, metric: Metric = "accuracy"
) -> dict[str, Any]:
    """Return what evaluate.json says of scores; gains and label equivalence go by `metric`."""
    bootstrap = Bootstrap(truth, len(names), config.bootstrap_samples, config.seed)
    scores: dict[str, dict[str, Any]] = {}
    resampled: dict[str, Floats] = {}
    for arm in roles.arms:
        scores[arm.arm] = definition(arm, roles)
        for each in get_args(Metric):
            samples = bootstrap.scores(arm, each)
            scores[arm.arm][each] = bootstrap.score(arm, each, samples)
            if each == metric:
                resampled[arm.arm] = samples
        scores[arm.arm]["calibration_error"] = round(calibration_error(arm.probabilities, truth), 4)
        by_chance = calibration_by_chance(arm.probabilities, config.seed)
        scores[arm.arm]["calibration_by_chance"] = round(by_chance, 4)
        scores[arm.arm]["labels"] = label_scores(arm.predicted, truth, names)
        if arm is not roles.main:
            scores[arm.arm]["against_main"] = _against_main(arm, roles.main, bootstrap, metric)
    return {
        "test_rows": len(truth),
        "note": "; ".join(_notes(roles, truth, names)),
        "metric": metric,
        **_headline(roles),
        "arms": scores,
        "gain": _gains(roles, bootstrap, metric),
        "label_equivalence": _equivalences(roles, bootstrap, resampled, metric),
    }


def _notes(roles: Roles, truth: Ints, names: list[str]) -> Iterator[str]:
    """Yield what limits the scores and their intervals."""
    single = [
        arm.arm for arm in roles.arms if len(arm.probabilities) == 1 and arm.student not in SEEDLESS_STUDENTS
    ]
    if single:
        yield f"{', '.join(single)}: {_ONE_SEED}"
    absent = [name for number, name in enumerate(names) if number not in truth]
    if absent:
        yield f"no test row is labelled {' or '.join(absent)}: the scores tell nothing of that"


def unscored(roles: Roles, metric: Metric) -> dict[str, Any]:
    """Return what `evaluate` does, for a task without test labels: its keys, and no scores."""
    return {
        "test_rows": 0,
        "note": "no test labels: nothing could be scored",
        "metric": metric,
        **_headline(roles),
        "arms": {arm.arm: definition(arm, roles) for arm in roles.arms},
        "gain": {},
        "label_equivalence": {},
    }


def definition(arm: ArmPredictions, roles: Roles) -> dict[str, Any]:
    """Return what an arm was trained on, by which student, and how fast that is.

    `kind` is the only source of its rows, or mixed.
    """
    rows = {"real": arm.real, "synthetic": arm.synthetic, "unlabelled": arm.unlabelled}
    sources = [source for source, count in rows.items() if count]
    return {
        "kind": sources[0] if len(sources) == 1 else "mixed",
        "train_rows": arm.train_rows,
        **rows,
        "student": arm.student,
        "main_student": arm.student == roles.main.student,
        "texts_per_s": arm.texts_per_s,
    }


def _headline(roles: Roles) -> dict[str, str]:
    counterpart = roles.counterpart(roles.main) if roles.main.made else None
    return {"main_arm": roles.main.arm, "counterpart": counterpart.arm if counterpart else ""}


def _against_main(
    arm: ArmPredictions, main: ArmPredictions, bootstrap: Bootstrap, metric: Metric
) -> dict[str, float]:
    """Return how far an arm scores above the main arm, paired; without a p-value, as it isn't tested."""
    # Less main's difference from the arm: the very numbers of `gain`, where that has the pair.
    differences = -bootstrap.difference(main, arm, metric)
    mean = bootstrap.mean(arm, metric) - bootstrap.mean(main, metric)
    return {metric: round(mean, 4), **interval(differences)}


def _gains(roles: Roles, bootstrap: Bootstrap, metric: Metric) -> dict[str, Any]:
    """Return the paired differences; `p_adjusted` allows for there being several."""
    gains: dict[str, dict[str, Any]] = {
        f"{one.arm}_vs_{other.arm}": {
            "one": one.arm,
            "other": other.arm,
            **bootstrap.gain(one, other, metric),
        }
        for one, other in roles.comparisons()
    }
    adjust([*gains.values()])
    return gains


def _equivalences(
    roles: Roles, bootstrap: Bootstrap, resampled: Mapping[str, Floats], metric: Metric
) -> dict[str, Any]:
    """Return how many real rows each arm with made rows scores like, on the real curve of its student."""
    equivalences = {}
    for arm in roles.arms:
        curve = roles.real_curve(arm.student)
        if not arm.made or len(curve) < 2:
            continue
        equivalences[arm.arm] = label_equivalence(
            bootstrap.mean(arm, metric),
            resampled[arm.arm],
            [point.real for point in curve],
            np.array([bootstrap.mean(point, metric) for point in curve]),
            np.stack([resampled[point.arm] for point in curve]),
        )
    return equivalences
