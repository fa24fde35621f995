"""The arms and baselines side by side: scores, gains, learning curves, slices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from labelmint.report.read import Inputs

Entry = dict[str, Any]
BASELINES = {
    "llm": "the LLM itself",
    "tfidf": "TF-IDF, logistic regression",
    "linear_head": "linear head on the encoder",
    "majority": "always the commonest label",
}
_GAIN = re.compile(r"(\w+?)_vs_(\w+)")


def kind_of(arm: str) -> str:
    """Return what an arm is made of: real, synthetic or mixed rows."""
    return arm.split("_")[0]


def scored(inputs: Inputs) -> list[Entry]:
    """Return the arms, then the baselines, each with name, kind, rows and scores; unscored ones included."""
    entries = []
    for arm, found in inputs.evaluate.get("arms", {}).items():
        training = inputs.train.get(arm, {})
        entries.append(
            {"name": arm, "said": arm, "kind": kind_of(arm), "rows": found.get("train_rows")}
            | {key: _score(found.get(key)) for key in ("accuracy", "macro_f1")}
            | {"calibration_error": found.get("calibration_error"), "recipe": training.get("recipe", "")}
        )
    for name, found in inputs.evaluate.get("baselines", {}).items():
        entries.append(
            {"name": name, "said": BASELINES.get(name, name), "kind": "baseline", "rows": None, "recipe": ""}
            | {key: _score(found.get(key)) for key in ("accuracy", "macro_f1")}
            | {"calibration_error": found.get("calibration_error")}
        )
    return entries


def _score(found: Any) -> Entry:
    """Return a score with its interval; earlier evaluations give a baseline's as a bare number."""
    if isinstance(found, int | float):
        return {"mean": found}
    return dict(found) if isinstance(found, Mapping) and "mean" in found else {}


def gains(inputs: Inputs) -> list[Entry]:
    """Return the paired differences, with the two names said apart."""
    found = []
    for name, gain in inputs.evaluate.get("gain", {}).items():
        said = _GAIN.fullmatch(name)
        one, other = said.groups() if said else (name, "")
        found.append({"one": BASELINES.get(one, one), "other": BASELINES.get(other, other), **gain})
    return found


def equivalences(inputs: Inputs) -> list[Entry]:
    """Return the label equivalence of each arm that has one."""
    found = inputs.evaluate.get("label_equivalence", {})
    return [{"name": name, "said": BASELINES.get(name, name), **value} for name, value in found.items()]


def curve(inputs: Inputs) -> list[Entry]:
    """Return the points of the learning curves: real rows, and synthetic rows alone or beside the real ones.

    The rows of a point of `mixed` are its synthetic ones: the real ones beside them are always the same.
    """
    arms = inputs.evaluate.get("arms", {})
    own = arms.get("real", {}).get("train_rows", 0)
    points = []
    for arm, found in arms.items():
        score = _score(found.get("accuracy"))
        match = re.fullmatch(r"(real|synthetic|mixed)(?:_(\d+))?", arm)
        if not score or not match:
            continue
        kind, named = match.groups()
        rows = found["train_rows"] - (own if kind == "mixed" else 0)
        points.append({"arm": arm, "kind": kind, "rows": int(named) if named else rows, **score})
    return sorted((point for point in points if point["rows"] > 0), key=lambda point: point["rows"])


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


def main_arms(names: Iterable[str]) -> list[str]:
    """Return the arms that a table has room for: those that are no point of a curve, or the first ones."""
    every = list(names)
    return [name for name in every if not re.search(r"_\d+$", name)] or every[:3]


def ablated(inputs: Inputs) -> list[Entry]:
    """Return what each rule gains, and all of them together."""
    rules = list(inputs.ablate.get("rules") or ())
    whole = inputs.ablate.get("filter")
    return [*rules, {"rule": "all rules", **whole}] if rules and whole else rules


def confusion(inputs: Inputs, names: list[str]) -> Entry | None:
    """Return the confusion matrix of metrics/plots/confusion.csv, rows by true label; None without rows."""
    if not inputs.confusion or "label" not in inputs.confusion[0]:
        return None
    counts = {real: dict.fromkeys(names, 0) for real in names}
    for row in inputs.confusion:
        if row["label"] in counts and row["predicted"] in counts:
            counts[row["label"]][row["predicted"]] += 1
    arms = inputs.evaluate.get("arms", {})
    arm = "mixed" if "mixed" in arms else next(iter(arms), "")
    rows = [
        {"label": real, "total": sum(own.values()), "cells": [(said, own[said]) for said in names]}
        for real, own in counts.items()
    ]
    return {"arm": arm, "names": names, "rows": rows}


def reliability(inputs: Inputs) -> list[Entry]:
    """Return the points of the reliability curve: confidence said, accuracy found, per arm."""
    points = []
    for row in inputs.reliability:
        said = row.get("confidence") or row.get("mean_confidence")
        right = row.get("accuracy")
        if said and right:
            rows = row.get("rows") or row.get("count") or "0"
            arm = row.get("arm") or row.get("kind") or "mixed"
            points.append(
                {"arm": arm, "confidence": float(said), "accuracy": float(right), "rows": float(rows)}
            )
    return points
