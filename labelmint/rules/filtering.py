"""The candidates on their way through the rules, and which of them are scored and embedded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from labelmint.core.arrays import Floats
from labelmint.core.params import Filter
from labelmint.core.records import Candidate, texts_of
from labelmint.encoder.vectors import Embed, Vectors, embed_rows
from labelmint.tasks.task import Task

Evidence = dict[str, Any]
Scores = Mapping[str, Floats]


def by_label(names: Sequence[str], scores: Floats) -> dict[str, float]:
    """Return label scores, shape (labels,), as rows are written with them."""
    return {name: round(float(score), 4) for name, score in zip(names, scores, strict=True)}


def leading(scores: Floats) -> tuple[int, float]:
    """Return the label that scores best, of scores of shape (labels,), and by how much it leads."""
    best = int(scores.argmax())
    return best, float(scores[best] - np.delete(scores, best).max())


@dataclass(frozen=True)
class RuleResult:
    """The rule that a row breaks, and what shows it."""

    rule: str
    evidence: Evidence


class Filtering:
    """Candidates that remain, and the results of those that don't.

    `candidates` are in the order in which they were written: of two that are alike, the first remains.
    `scores` are centred log-probabilities of the labels by candidate id, shape (labels,); they are not read
    with `labelling.action: none`. `embed` takes the place of the frozen encoder.
    """

    def __init__(
        self,
        task: Task,
        candidates: Sequence[Candidate],
        scores: Scores,
        embed: Embed | None = None,
    ) -> None:
        self.params, self.card, self.train, self.test = task.params, task.card, task.train, task.test
        self.candidates, self.scores = candidates, scores
        embedded = scorable(task.params.filter, candidates), task.train, task.test
        self.vectors = Vectors(embed or partial(embed_rows, task.params.train), *embedded)
        self.remaining = list(candidates)
        self.results: dict[str, RuleResult] = {}  # of rejected rows, by id
        self.labels = {row["id"]: row["label"] for row in candidates}  # by id, as they are after relabelling
        self.missing: dict[str, int] = {}  # by label, the rows that it lacks of its share

    def reject(self, results: Mapping[str, RuleResult]) -> None:
        """Reject the rows that have a result, by id."""
        self.results |= results
        self.remaining = [row for row in self.remaining if row["id"] not in results]


def can_be_scored(row: Candidate) -> bool:
    """Return whether a candidate is finished and has a label and all of its texts."""
    return row["finish_reason"] == "stop" and bool(row["label"]) and all(texts_of(row))


def scorable(config: Filter, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates that the rules could keep: finished ones, then those that a disabled rule leaves.

    Scored last, and not centred on, these leave the finished ones' scores as they are.
    """
    disabled = config.disabled_rules
    others = [
        row
        for row in candidates
        if not can_be_scored(row)
        and (row["finish_reason"] == "stop" or "cut_off" in disabled)
        and (row["label"] or "no_label" in disabled)
        and (all(texts_of(row)) or "empty" in disabled)
    ]
    return [*filter(can_be_scored, candidates), *others]
