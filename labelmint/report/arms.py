"""The arms side by side: scores, gains, learning curves, slices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelmint.report.read import Inputs

Entry = dict[str, Any]


def kind_of(arm: Mapping[str, Any]) -> str:
    """Return real, synthetic or mixed by an arm's rows, or other for another student than the main arm's."""
    if not arm["main_student"]:
        return "other"
    if not arm["synthetic"]:
        return "real"
    return "mixed" if arm["real"] else "synthetic"


def scored(inputs: Inputs) -> list[Entry]:
    """Return the arms with name, kind, rows and scores; unscored ones included."""
    entries = []
    for name, arm in inputs.evaluate.get("arms", {}).items():
        training = inputs.train.get(name, {})
        entries.append(
            {"name": name, "kind": kind_of(arm), "rows": arm["train_rows"]}
            | {key: arm.get(key, {}) for key in ("accuracy", "macro_f1")}
            | {"calibration_error": arm.get("calibration_error")}
            | {"student": training.get("recipe") or arm["student"]}
        )
    return entries


def main_arm(inputs: Inputs) -> Entry:
    """Return the arm of the headline; empty before the evaluation."""
    return next((arm for arm in scored(inputs) if arm["name"] == inputs.evaluate["main_arm"]), {})


def main_gain(inputs: Inputs) -> Entry:
    """Return what the synthetic rows of the main arm change; empty if there is nothing to compare it with."""
    names = (inputs.evaluate.get("main_arm"), inputs.evaluate.get("counterpart"))
    return next((gain for gain in gains(inputs) if (gain["one"], gain["other"]) == names), {})


def gains(inputs: Inputs) -> list[Entry]:
    """Return the paired differences."""
    return list(inputs.evaluate.get("gain", {}).values())


def equivalences(inputs: Inputs) -> list[Entry]:
    """Return the label equivalence of each arm that has one."""
    found = inputs.evaluate.get("label_equivalence", {})
    return [{"name": name, **value} for name, value in found.items()]


def curve(inputs: Inputs) -> list[Entry]:
    """Return the points of the learning curves of the main arm's student.

    Real arms count real rows; synthetic ones, and mixed ones with as many real rows as the main arm, count
    synthetic rows.
    """
    arms = inputs.evaluate.get("arms", {})
    main = arms.get(inputs.evaluate.get("main_arm"), {})
    points = []
    for name, arm in arms.items():
        kind = kind_of(arm)
        if kind == "other" or not arm.get("accuracy") or (kind == "mixed" and arm["real"] != main["real"]):
            continue
        points.append({"arm": name, "kind": kind, "rows": arm["synthetic"] or arm["real"], **arm["accuracy"]})
    return sorted(points, key=lambda point: int(point["rows"]))


def slices(inputs: Inputs) -> dict[str, list[Entry]]:
    """Return the slices by what they slice: rows of the slice's name, with one score per arm."""
    tables: dict[str, dict[str, Entry]] = {}
    for arm, found in inputs.evaluate.get("arms", {}).items():
        for by, parts in (found.get("slices") or {}).items():
            # The first word of a part names it: {"words": "1–10", "rows": 80, …}, {"label": "negative", …}.
            for part in parts:
                name = next((str(value) for key, value in part.items() if key in ("words", by, "name")), "")
                entry = tables.setdefault(by, {}).setdefault(
                    name, {"name": name, "rows": part.get("rows"), "arms": {}}
                )
                entry["arms"][arm] = part
    return {by: list(parts.values()) for by, parts in tables.items()}


def main_arms(inputs: Inputs) -> list[str]:
    """Return the arms that a table has room for: of each student and kind the one with the most rows."""
    chosen: dict[tuple[str, str], str] = {}
    arms = inputs.evaluate.get("arms", {})
    main = arms.get(inputs.evaluate.get("main_arm"), {})
    for name, arm in sorted(arms.items(), key=lambda item: -int(item[1]["synthetic"])):
        if arm["real"] in (0, main.get("real")) or not main.get("real"):
            chosen.setdefault((arm["student"], kind_of(arm)), name)
    return [name for name in arms if name in chosen.values()]


def ablated(inputs: Inputs) -> list[Entry]:
    """Return what each rule gains, and all of them together."""
    rules = list(inputs.ablate.get("rules") or ())
    whole = inputs.ablate.get("filter")
    return [*rules, {"rule": "all rules", **whole}] if rules and whole else rules


def confusion(inputs: Inputs, names: list[str]) -> Entry | None:
    """Return the confusion matrix of metrics/plots/confusion.csv, rows by true label; None without rows."""
    if not inputs.confusion:
        return None
    counts = {real: dict.fromkeys(names, 0) for real in names}
    for row in inputs.confusion:
        if row["label"] in counts and row["predicted"] in counts:
            counts[row["label"]][row["predicted"]] += 1
    rows = [
        {"label": label, "total": sum(row.values()), "cells": [(name, row[name]) for name in names]}
        for label, row in counts.items()
    ]
    return {"arm": inputs.evaluate.get("main_arm", ""), "names": names, "rows": rows}


def reliability(inputs: Inputs) -> list[Entry]:
    """Return confidence and accuracy by bin, of the main arm, its counterpart and the best other student."""
    arms = inputs.evaluate.get("arms", {})
    others = [arm for arm in scored(inputs) if arm["kind"] == "other" and arm["accuracy"]]
    best = max(others, key=lambda arm: float(arm["accuracy"]["mean"]), default={"name": ""})
    shown = [inputs.evaluate.get("main_arm"), inputs.evaluate.get("counterpart"), best["name"]]
    return [
        {
            "arm": row["arm"],
            "kind": kind_of(arms[row["arm"]]),
            "confidence": float(row["confidence"]),
            "accuracy": float(row["accuracy"]),
        }
        for row in inputs.reliability
        if row["arm"] in shown
    ]
