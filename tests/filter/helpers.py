"""Settings of the filter stage that tests can rely on, whatever params.yaml ships with."""

from __future__ import annotations

from typing import Any

from labelmint.core.params import Filter, Rules
from tests.builders import section


def config(**changes: Any) -> Filter:
    """Return a `filter` section; `verify={...}` and `rules={...}` change parts of those."""
    settings: dict[str, Any] = {
        "seed": 1,
        "rows_per_label": 0,
        "min_words": 3,
        "max_words": 20,
        "near_duplicate_similarity": 0.7,
        "copy_similarity": 0.6,
        "leak_similarity": 0.5,
        "label_quality": 0.1,
        "outlier_quantile": 0.97,
        "profiles": ["easy", "ambiguous", "hard"],
        "select": "random",
        "edited_duplicate_similarity": 0.65,
        "edited_copy_similarity": 0.6,
        "edited_leak_similarity": 0.55,
        "reject_tags": [],
    }
    judgement = dict.fromkeys(["label_issue", "outlier", "profile"], False)
    rules = {**dict.fromkeys(Rules.model_fields, True), **judgement, **changes.pop("rules", {})}
    verify = {
        "action": "none",
        "judge": "llm",
        "demonstrations": 4,
        "draws": 1,
        "min_margin": 0.0,
        **changes.pop("verify", {}),
    }
    return section("filter", **{**settings, **changes, "rules": rules, "verify": verify})
