"""Settings of the filter stage that tests can rely on, whatever params.yaml ships with."""

from __future__ import annotations

from typing import Any

from stages.params import Filter, Rules
from tests.builders import section


def config(**changes: Any) -> Filter:
    """Return a `filter` section; `verify={...}` changes a part of that one."""
    settings: dict[str, Any] = {
        "seed": 1,
        "rows_per_label": 0,
        "min_words": 3,
        "max_words": 20,
        "near_duplicate_similarity": 0.7,
        "copy_similarity": 0.6,
        "leak_similarity": 0.5,
        "edited_duplicate_similarity": 0.65,
        "edited_copy_similarity": 0.6,
        "edited_leak_similarity": 0.55,
        "rules": {**dict.fromkeys(Rules.model_fields, True), **changes.pop("rules", {})},
        "reject_tags": [],
    }
    verify = {
        "action": "none",
        "judge": "llm",
        "demonstrations": 4,
        "min_margin": 0.0,
        **changes.pop("verify", {}),
    }
    return section("filter", **{**settings, **changes, "verify": verify})
