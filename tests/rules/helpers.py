"""Settings of the rules that tests can rely on, whatever params.yaml ships with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labelmint.core.params import Params
from labelmint.core.records import Candidate, Input, Labelled
from labelmint.encoder.vectors import Vectors
from labelmint.rules.filtering import Filtering
from tests.builders import candidate, card, shipped

_FILTER = {
    "seed": 1,
    "rows_per_label": 0,
    "disabled_rules": [],
    "min_words": 3,
    "max_words": 20,
    "near_duplicate_similarity": 0.7,
    "copy_similarity": 0.6,
    "leak_similarity": 0.5,
    "semantic_similarity": 0.9,
    "profile": False,
}
_LABELLING = {"seed": 1, "action": "none", "scorers": ["llm"], "demonstrations": 4, "min_margin": 0.0}


def settings(
    labelling: dict[str, Any] | None = None, class_balance: Any = "balanced", **changes: Any
) -> Params:
    """Return params.yaml with changes of its section `filter`, of `labelling`, and of `class_balance`."""
    content = shipped().model_dump()
    content["filter"] = {**_FILTER, **changes}
    content["labelling"] = {**_LABELLING, **(labelling or {})}
    return Params.model_validate({**content, "class_balance": class_balance})


def filtering_of(
    *rows: Candidate | str,
    train: Sequence[Labelled] = (),
    test: Sequence[Input] = (),
    scores: Any = None,
    vectors: Vectors | None = None,
    params: Params | None = None,
    **changes: Any,
) -> Filtering:
    """Return candidates, given as such or as texts, before any rule; `changes` are of `filter`."""
    candidates = [candidate(at, row) if isinstance(row, str) else row for at, row in enumerate(rows)]
    return Filtering(params or settings(**changes), card(), candidates, train, test, scores or {}, vectors)


def rules_broken(filtering: Filtering) -> dict[str, str]:
    """Return the rule by id of the rejected rows."""
    return {row_id: result.rule for row_id, result in filtering.results.items()}
