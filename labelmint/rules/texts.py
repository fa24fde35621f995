"""Filter texts that came without labels, by those of the rules that make sense for real texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

from labelmint.core.records import Candidate, Input, LabelledText, RejectedText
from labelmint.encoder.vectors import Embed
from labelmint.rules.apply import apply_rules
from labelmint.rules.filtering import Filtering, Scores, by_label
from labelmint.rules.registry import RULES
from labelmint.tasks.cards import TaskCard
from labelmint.tasks.task import Task

# A real text may be long, short or repetitive, and have markup: it needs no proof that it is like real ones.
TEXT_RULES = (
    "empty",
    "garbled",
    "foreign_script",
    "language",
    "exact_duplicate",
    "near_duplicate",
    "real_copy",
    "test_leak",
    "unsure_label",
)


def filter_texts(
    task: Task, texts: Sequence[Input], scores: Scores, embed: Embed | None = None
) -> tuple[list[LabelledText], list[RejectedText]]:
    """Return the texts with the labels that score clearly best, and those that break a rule, in their order.

    `scores` are log-probabilities of the labels by id, shape (labels,); `embed`: see `Filtering`.
    """
    task = task.changed({"labelling.action": "relabel"})
    rows = [_as_candidate(text) for text in texts]
    rules = [RULES[name] for name in TEXT_RULES]
    filtering = apply_rules(Filtering(task, rows, scores, embed), rules)
    kept: list[LabelledText] = []
    rejected: list[RejectedText] = []
    for text in texts:
        row_id = text["id"]
        shown = by_label(task.card.label_names, scores[row_id])
        result = filtering.results.get(row_id)
        if result is None:
            kept.append(
                cast(LabelledText, {**text, "judged_label": filtering.labels[row_id], "label_scores": shown})
            )
        else:
            rejected.append(cast(RejectedText, {**text, **vars(result), "label_scores": shown}))
    return kept, rejected


def _as_candidate(text: Input) -> Candidate:
    return Candidate(
        **text,
        label="?",  # rules compare it with nothing; without one, a text would not be scored
        prompt_id="",
        demonstration_ids=[],
        method="",
        values={},
        seed=0,
        tokens=0,
        finish_reason="stop",
    )


def summary(card: TaskCard, kept: Sequence[LabelledText], rejected: Sequence[RejectedText]) -> dict[str, Any]:
    """Return counts for metrics/label.json: by rule, and by label."""
    rules = Counter(row["rule"] for row in rejected)
    labels = Counter(row["judged_label"] for row in kept)
    texts = len(kept) + len(rejected)
    return {
        "texts": texts,
        "rejected": {name: rules[name] for name in TEXT_RULES},
        "kept": len(kept),
        "kept_share": round(len(kept) / max(1, texts), 4),
        "labels": {name: labels[name] for name in card.label_names},
    }
