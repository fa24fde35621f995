"""What a score costs: each source's minutes, each student's speed, the best as fast, escalation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from labelmint.core.arrays import Floats, Ints
from labelmint.scoring.roles import Roles
from labelmint.scoring.scores import weighted_scores
from labelmint.tasks.balance import Metric

_SAME_SPEED = 0.9  # of the main arm's: measured speeds of one student differ by that much
_SHARES = np.linspace(0, 1, 21)  # of the texts, passed on to the language model

Result = Mapping[str, Any]


def tradeoffs(result: Result, roles: Roles, minutes: Mapping[str, float | None]) -> dict[str, Any]:
    """Return what evaluate.json says of sources, speeds and the alternative; empty where nothing is scored.

    `result` is what `evaluate` returned; `minutes` of computing the rows of each source took, None if they
    weren't measured.
    """
    if not result["test_rows"]:
        return {"sources": {}, "speeds": [], "alternative": {}}
    return {
        "sources": _sources(result, roles, minutes),
        "speeds": _speeds(result, roles.real_rows),
        "alternative": _alternative(result, roles.real_rows),
    }


def _sources(result: Result, roles: Roles, minutes: Mapping[str, float | None]) -> dict[str, Any]:
    sources = {}
    for source, arm in roles.sources().items():
        counterpart = roles.counterpart(arm)
        gain = result["gain"].get(f"{arm.arm}_vs_{counterpart.arm}") if counterpart else None
        spent = [minutes.get(each) for each in ("synthetic", "unlabelled") if source in (each, "both")]
        total = None if None in spent else round(sum(each or 0 for each in spent), 4)
        sources[source] = {
            "arm": arm.arm,
            "rows": arm.made,
            "minutes": total,
            "gain": {key: gain[key] for key in (result["metric"], "ci_low", "ci_high")} if gain else {},
            "points_per_minute": round(100 * gain[result["metric"]] / total, 3) if gain and total else None,
            "label_equivalence": result["label_equivalence"].get(arm.arm, {}),
        }
    return sources


def _speeds(result: Result, real_rows: int) -> list[dict[str, Any]]:
    """Return each student's best arm of no more than the real rows at hand, the slowest first.

    One is on the frontier if none that is as fast scores higher.
    """
    best: dict[str, dict[str, Any]] = {}
    for name, arm in result["arms"].items():
        entry = {"student": arm["student"], "arm": name, "texts_per_s": arm["texts_per_s"]}
        entry |= {key: arm[result["metric"]][key] for key in ("mean", "ci_low", "ci_high")}
        known = best.get(arm["student"])
        if arm["texts_per_s"] and arm["real"] <= real_rows and (not known or entry["mean"] > known["mean"]):
            best[arm["student"]] = entry
    for entry in best.values():
        entry["frontier"] = not any(
            other["texts_per_s"] >= entry["texts_per_s"] and other["mean"] > entry["mean"]
            for other in best.values()
        )
    return sorted(best.values(), key=lambda entry: float(entry["texts_per_s"]))


def _alternative(result: Result, real_rows: int) -> dict[str, Any]:
    """Return the best other arm of no more than the real rows at hand that is as fast as the main arm.

    `of` says of how many it is the best: the more there are, the more luck its score has.
    """
    main = result["arms"][result["main_arm"]]
    enough = _SAME_SPEED * (main["texts_per_s"] or 0)
    others = {
        name: arm
        for name, arm in result["arms"].items()
        if name != result["main_arm"]
        and arm["real"] <= real_rows
        and (arm["student"] == main["student"] or (enough and (arm["texts_per_s"] or 0) >= enough))
    }
    if not others:
        return {}
    name = max(others, key=lambda arm: float(others[arm][result["metric"]]["mean"]))
    score = others[name][result["metric"]]
    return {
        "arm": name,
        "of": len(others),
        "student": others[name]["student"],
        "texts_per_s": others[name]["texts_per_s"],
        **{key: score[key] for key in ("mean", "ci_low", "ci_high")},
    }


def escalation(student: Floats, llm: Floats, truth: Ints) -> list[dict[str, float]]:
    """Return the scores by the share of texts that the language model answers, the least sure first.

    How sure the student is, its highest probability, decides alone: no label chooses a text. `student` and
    `llm` are probabilities of the same texts, shape (rows, labels).
    """
    rows, labels = student.shape
    order = np.argsort(student.max(axis=1), kind="stable")
    answers = student.argmax(axis=1)
    once = np.ones((1, rows))
    curve = []
    for share in _SHARES:
        passed_on = order[: round(share * rows)]
        predicted = answers.copy()
        predicted[passed_on] = llm[passed_on].argmax(axis=1)
        point = {"share": round(float(share), 2)}
        for metric in get_args(Metric):
            score = weighted_scores(metric, predicted[None], truth, once, labels)[0, 0]
            point[metric] = round(float(score), 4)
        curve.append(point)
    return curve
