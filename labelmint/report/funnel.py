"""What became of the candidates and of the unlabelled texts, and the prompts that were used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from labelmint.report.read import Inputs
from labelmint.rules.registry import RULES

MEANINGS = {name: rule.meaning for name, rule in RULES.items()}


def deciding_scorer(accuracy: Mapping[str, float]) -> str | None:
    """Return the name of the label scorer that decides: the pool, or the one that scores alone.

    `accuracy` is that of the metrics' `label_scoring`; None: it has no scorer.
    """
    return "pooled" if "pooled" in accuracy else next(iter(accuracy), None)


def funnel(inputs: Inputs, names: list[str]) -> dict[str, Any] | None:
    """Return the candidates left after each rule, in the filter's order; None before the filter has run."""
    rejected = inputs.filter.get("rejected")
    if not rejected:
        return None
    by_label = Counter((row.get("rule"), row.get("label")) for row in inputs.rejected)
    left, rules = inputs.filter.get("candidates") or 0, []
    for rule, count in rejected.items():
        left -= count
        counts = [by_label[rule, name] for name in names]
        entry = {"rule": rule, "means": MEANINGS.get(rule, ""), "count": count, "left": left}
        rules.append({**entry, "labels": counts})
    return {
        "total": inputs.filter.get("candidates") or 0,
        "kept": inputs.filter.get("kept", 0),
        "most": max([entry["count"] for entry in rules], default=0),
        "rules": [entry for entry in rules if entry["count"]],
        "names": names,
        "labels": _labels(inputs),
        "relabelled": inputs.filter.get("relabelled", 0),
    }


def _labels(inputs: Inputs) -> list[dict[str, Any]]:
    """Return per label: candidates written for it, kept under it, and how many of those came from another."""
    relabelled = Counter(row["judged_label"] for row in inputs.kept if row["judged_label"] != row["label"])
    rejected = Counter(row["label"] for row in inputs.rejected)
    return [
        {"name": name, "relabelled": relabelled[name], "rejected": rejected[name], **counts}
        for name, counts in (inputs.filter.get("labels") or {}).items()
    ]


def example_prompts(inputs: Inputs) -> list[dict[str, Any]]:
    """Return the first prompt of each method and label, with the real rows that it shows."""
    texts = {row["id"]: row for row in inputs.real}
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for prompt in inputs.prompts:
        first.setdefault((prompt["method"], prompt["label"]), prompt)
    return [
        {**prompt, "demonstrations": [texts[each] for each in prompt["demonstration_ids"] if each in texts]}
        for _, prompt in sorted(first.items())
    ]
