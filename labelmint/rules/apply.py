"""Apply the rules: every candidate ends as kept, or as rejected by the first rule that it breaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pkgutil import resolve_name
from typing import Any, cast

import numpy as np

from labelmint.core.records import Kept, Profile, Rejected
from labelmint.rules.filtering import Filtering, RuleResult, by_label
from labelmint.rules.form import FormContext
from labelmint.rules.registry import RULES, Rule
from labelmint.tasks.cards import TaskCard

ACCEPTING = [rule for rule in RULES.values() if rule.name != "surplus"]


@dataclass(frozen=True)
class FilterResult:
    """The candidates in two parts, each in their order, and how many rows each label lacks."""

    kept: list[Kept]
    rejected: list[Rejected]
    missing: dict[str, int]


def filter_candidates(filtering: Filtering) -> FilterResult:
    """Apply all rules."""
    apply_rules(filtering, RULES.values())
    notes, names = _profiles(filtering), filtering.card.label_names
    shown = {row_id: by_label(names, row) for row_id, row in filtering.scores.items()}
    kept: list[Kept] = []
    rejected: list[Rejected] = []
    for row in filtering.candidates:
        row_id, scored = row["id"], {**row, "label_scores": shown.get(row["id"])}
        if row_id in filtering.results:
            rejected.append(cast(Rejected, {**scored, **vars(filtering.results[row_id])}))
        else:
            judged = {"judged_label": filtering.labels[row_id], **notes.get(row_id, {})}
            kept.append(cast(Kept, {**scored, **judged}))
    return FilterResult(kept, rejected, filtering.missing)


def apply_rules(filtering: Filtering, rules: Iterable[Rule] = ACCEPTING) -> Filtering:
    """Apply rules, by default all but `surplus`: what remains is accepted."""
    config = filtering.params.filter
    context = FormContext(config, filtering.card, filtering.train)
    enabled = (rule for rule in rules if rule.name not in config.disabled_rules)
    for path, rules_of_path in groupby(enabled, key=lambda rule: rule.function):
        function, rule = resolve_name(path), next(rules_of_path)
        if rule.scope == "rows":
            function(filtering)
        else:
            found = {row["id"]: function(row, context) for row in filtering.remaining}
            broken = {row_id: evidence for row_id, evidence in found.items() if evidence is not None}
            filtering.reject({row_id: RuleResult(rule.name, broken[row_id]) for row_id in broken})
    return filtering


def _profiles(filtering: Filtering) -> dict[str, Profile]:
    """Return by id how each remaining row is learnt; empty without `filter.profile`."""
    if not filtering.params.filter.profile or not filtering.remaining:
        return {}
    # Here, because PyTorch takes seconds to load.
    from labelmint.rules.profiles import dynamics

    rows, train, names = filtering.remaining, filtering.train, filtering.card.label_names
    labels = [filtering.labels[row["id"]] for row in rows] + [row["label"] for row in train]
    numbers = np.array([names.index(label) for label in labels], np.int64)
    vectors, seed = filtering.vectors.of([*rows, *train]), filtering.params.filter.seed
    notes = dynamics(vectors, numbers, len(names), seed, len(rows)).notes()
    return dict(zip([row["id"] for row in rows], notes, strict=True))


def summary(card: TaskCard, result: FilterResult) -> dict[str, Any]:
    """Return counts for metrics/filter.json: by rule, by label, and by profile if there are any."""
    kept, rejected = result.kept, result.rejected
    rules = Counter(row["rule"] for row in rejected)
    written = Counter(row["label"] for row in [*kept, *rejected])
    judged = Counter(row["judged_label"] for row in kept)
    candidates = len(kept) + len(rejected)
    profiles = Counter(row["profile"] for row in kept if "profile" in row)
    return {
        "candidates": candidates,
        "rejected": {rule: rules[rule] for rule in RULES},
        "kept": len(kept),
        "kept_share": round(len(kept) / max(1, candidates), 4),
        "labels": {name: {"candidates": written[name], "kept": judged[name]} for name in card.label_names},
        "relabelled": sum(row["label"] != row["judged_label"] for row in kept),
        **(
            {"profiles": {name: profiles[name] for name in ("easy", "ambiguous", "hard")}} if profiles else {}
        ),
        "missing": result.missing,
    }
