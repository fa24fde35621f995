"""Settings of the rules that tests can rely on, whatever params.yaml ships with, and vectors."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmint.core.params import Params
from labelmint.core.records import Candidate, Input, Labelled
from labelmint.rules.filtering import Filtering
from labelmint.tasks.task import Task
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
    "semantic_similarity": 1.0,  # no meanings are compared
    "profile": False,
}
_LABELLING = {"seed": 1, "action": "none", "scorers": ["llm"], "demonstrations": 4, "min_margin": 0.0}
_WIDTH = 8  # of vectors
# Enough to tell which language they are in.
ENGLISH = [
    "the story is thin and the actors look bored",
    "nobody in this picture seems to want anything",
    "it starts well enough and then forgets where it was going",
    "her best work in years is also her funniest",
    "two hours of shouting with a lesson at the end",
    "the camera loves the mountains more than the people",
    "he directs as if every scene were the last one",
    "children will laugh and their parents will sleep",
    "a comedy that is sad in all the right places",
    "you have seen this before and it was better then",
]


def settings(
    labelling: dict[str, Any] | None = None, class_balance: Any = "balanced", **changes: Any
) -> Params:
    """Return params.yaml with changes of its section `filter`, of `labelling`, and of `class_balance`."""
    content = shipped().model_dump()
    content["filter"] = {**_FILTER, **changes}
    content["labelling"] = {**_LABELLING, **(labelling or {})}
    return Params.model_validate({**content, "class_balance": class_balance})


def words(first: int, last: int) -> str:
    """Return a text of numbered words, the last included."""
    return " ".join(f"w{number}" for number in range(first, last + 1))


def filtering_of(
    *rows: Candidate | str,
    train: Sequence[Labelled] = (),
    test: Sequence[Input] = (),
    scores: Any = None,
    params: Params | None = None,
    **changes: Any,
) -> Filtering:
    """Return candidates, given as such or as texts, before any rule; `changes` are of `filter`."""
    candidates = [candidate(at, row) if isinstance(row, str) else row for at, row in enumerate(rows)]
    return Filtering(Task(params or settings(**changes), card(), train, test), candidates, scores or {})


def rules_broken(filtering: Filtering) -> dict[str, str]:
    """Return the rule by id of the rejected rows."""
    return {row_id: result.rule for row_id, result in filtering.results.items()}


def around(directions: Sequence[int], spread: float = 0.15, seed: int = 0) -> npt.NDArray[np.float32]:
    """Return a vector near each of these axes."""
    draw = np.random.default_rng(seed)
    vectors = np.eye(_WIDTH)[list(directions)] + draw.normal(0, spread, (len(directions), _WIDTH))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def embedder(axes: Mapping[str, int]) -> Callable[[Sequence[Input]], npt.NDArray[np.float32]]:
    """Return embed(rows): each row near its axis, by id, and the same vector every time."""

    def embed(rows: Sequence[Input]) -> npt.NDArray[np.float32]:
        own = [around([axes[row["id"]]], seed=zlib.crc32(row["id"].encode())) for row in rows]
        return np.concatenate(own) if own else np.zeros((0, _WIDTH), np.float32)

    return embed
