"""The arms side by side: scores, learning curves, speeds, weights, slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labelmint.report.read import Inputs

Entry = dict[str, Any]
METRIC_NAMES = {"accuracy": "accuracy", "macro_f1": "macro-F1"}


def kind_of(arm: Mapping[str, Any]) -> str:
    """Return the kind of an arm's rows, or other for another student than the main arm's."""
    return str(arm["kind"]) if arm["main_student"] else "other"


def scored(inputs: Inputs) -> list[Entry]:
    """Return the arms with name, kind, rows and scores; unscored ones included."""
    metric = inputs.evaluate.get("metric", "")
    return [
        {"name": name, "kind": kind_of(arm), "rows": arm["train_rows"], "texts_per_s": arm["texts_per_s"]}
        | {key: arm.get(key, {}) for key in ("accuracy", "macro_f1")}
        | {"score": arm.get(metric, {}), "calibration_error": arm.get("calibration_error")}
        | {"student": arm["student"].replace("auto", inputs.train.get(name, {}).get("chosen", "auto"))}
        for name, arm in inputs.evaluate.get("arms", {}).items()
    ]


def main_arm(inputs: Inputs) -> Entry:
    """Return the arm of the headline; empty before the evaluation."""
    return next((arm for arm in scored(inputs) if arm["name"] == inputs.evaluate["main_arm"]), {})


def gains(inputs: Inputs) -> list[Entry]:
    """Return the paired differences in the headline's metric."""
    metric = inputs.evaluate.get("metric")
    return [{**gain, "points": gain[metric]} for gain in inputs.evaluate.get("gain", {}).values()]


def equivalences(inputs: Inputs) -> list[Entry]:
    """Return the label equivalence of each arm that has one."""
    worths = inputs.evaluate.get("label_equivalence", {})
    return [{"name": name, **worth} for name, worth in worths.items()]


def sources(inputs: Inputs) -> list[Entry]:
    """Return what each source of made rows is worth."""
    metric = inputs.evaluate.get("metric")
    return [
        {"name": SOURCES[name], **source, "points": source["gain"].get(metric)}
        for name, source in inputs.evaluate.get("sources", {}).items()
    ]


SOURCES = {"synthetic": "synthetic rows", "unlabelled": "machine-labelled texts", "both": "both"}


def speeds(inputs: Inputs) -> list[Entry]:
    """Return the students' best arms with their speeds; without `majority`, which reads no text."""
    arms = inputs.evaluate.get("arms", {})
    return [
        {**entry, "kind": kind_of(arms[entry["arm"]])}
        for entry in inputs.evaluate.get("speeds", [])
        if entry["student"] != "majority"
    ]


def weights(inputs: Inputs) -> list[Entry]:
    """Return the weights of the sources that cross-validation tried and chose, by arm."""
    return [
        {"arm": arm, "weights": trained["weights"], "tried": trained.get("weights_tried", [])}
        for arm, trained in inputs.train.items()
        if trained.get("weights")
    ]


def scorers(inputs: Inputs) -> list[Entry]:
    """Return how often each label scorer was right on unseen real rows, and its weight."""
    entries = []
    for source, metrics in (("synthetic", inputs.filter), ("unlabelled", inputs.label)):
        scoring = metrics.get("label_scoring") or {}
        rows = scoring.get("real_rows")
        for scorer, accuracy in (scoring.get("accuracy") or {}).items() if rows else ():
            weight = (scoring.get("weights") or {}).get(scorer)
            entry = {"source": SOURCES[source], "scorer": scorer, "accuracy": accuracy}
            entries.append({**entry, "weight": weight, "rows": rows})
    return entries


def curve(inputs: Inputs) -> list[Entry]:
    """Return the points of the learning curves of the main arm's student.

    Real arms count real rows; others, and mixed ones with as many real rows as the main arm, count made rows.
    A `line` joins arms of the same sources.
    """
    return list(_curve(inputs.evaluate)) if inputs.evaluate.get("test_rows") else []


def _curve(evaluate: Mapping[str, Any]) -> Iterator[Entry]:
    main = evaluate["arms"][evaluate["main_arm"]]
    for name, arm in sorted(evaluate["arms"].items(), key=lambda item: int(item[1]["train_rows"])):
        kind, made = kind_of(arm), arm["synthetic"] + arm["unlabelled"]
        if kind != "other" and not (kind == "mixed" and arm["real"] != main["real"]):
            line = [source for source in ("real", "synthetic", "unlabelled") if arm[source]]
            point = {"arm": name, "kind": kind, "line": "+".join(line), "rows": made or arm["real"]}
            yield {**point, **arm[evaluate["metric"]]}


def slices(inputs: Inputs) -> dict[str, list[Entry]]:
    """Return the slices by what they slice, length or label: one entry per part, with one score per arm."""
    tables: dict[str, dict[str, Entry]] = {}
    for arm, entry in inputs.evaluate.get("arms", {}).items():
        for by, key in (("length", "words"), ("label", "label")):
            for part in entry.get("slices", {}).get(by, []):
                empty = {"name": part[key], "rows": part["rows"], "arms": {}}
                tables.setdefault(by, {}).setdefault(part[key], empty)["arms"][arm] = part
    return {by: list(parts.values()) for by, parts in tables.items()}


def main_arms(inputs: Inputs) -> list[str]:
    """Return the arms that a table has room for: of each student and kind the one with the most rows."""
    chosen: dict[tuple[str, str], str] = {}
    arms = inputs.evaluate.get("arms", {})
    main = arms.get(inputs.evaluate.get("main_arm"), {})
    for name, arm in sorted(arms.items(), key=lambda item: -int(item[1]["train_rows"])):
        if arm["real"] in (0, main["real"]):
            chosen.setdefault((arm["student"], kind_of(arm)), name)
    return [name for name in arms if name in chosen.values()]


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
    others = [arm for arm in scored(inputs) if arm["kind"] == "other" and arm["score"]]
    best = max(others, key=lambda arm: float(arm["score"]["mean"]), default={"name": ""})
    shown = [inputs.evaluate.get("main_arm"), inputs.evaluate.get("counterpart"), best["name"]]
    return [
        {"arm": row["arm"], "kind": kind_of(arms[row["arm"]])}
        | {key: float(row[key]) for key in ("confidence", "accuracy")}
        for row in inputs.reliability
        if row["arm"] in shown
    ]


def escalation(inputs: Inputs) -> list[Entry]:
    """Return the headline's score by the share of texts that the main arm passes on, by who then answers."""
    metric = inputs.evaluate.get("metric", "accuracy")
    return [
        {"arm": row["fallback"], "share": float(row["share"]), "score": float(row[metric])}
        for row in inputs.escalation
    ]
