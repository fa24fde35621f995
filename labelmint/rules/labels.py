"""Rules on the label scores: no label wins clearly, or another one than the row was written for."""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from labelmint.core.records import Candidate
from labelmint.rules.filtering import Filtering, RuleResult


def label_rules(filtering: Filtering, _: Set[str]) -> None:
    """Reject rows as `labelling.action` says; `relabel` gives the others the label that scores best."""
    labelling, names = filtering.params.labelling, filtering.card.label_names

    def check(_: int, row: Candidate) -> RuleResult | None:
        scores = filtering.scores[row["id"]]
        best = int(scores.argmax())
        margin = float(scores[best] - np.delete(scores, best).max())
        evidence = {"judged_label": names[best], "margin": round(margin, 4)}
        if margin < labelling.min_margin:
            return RuleResult("unsure_label", evidence)
        if labelling.action == "relabel":
            filtering.labels[row["id"]] = names[best]
        elif names[best] != row["label"]:
            return RuleResult("wrong_label", evidence)
        return None

    if labelling.action != "none":
        filtering.reject(check)
