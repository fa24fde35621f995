"""Which candidates are scored and embedded: those that some setting of the rules could keep."""

from __future__ import annotations

from collections.abc import Sequence

from labelmint.core.params import Filter
from labelmint.core.records import Candidate, texts_of


def can_be_scored(row: Candidate) -> bool:
    """Return whether a candidate is finished and has a label and all of its texts."""
    return row["finish_reason"] == "stop" and bool(row["label"]) and all(texts_of(row))


def scorable(config: Filter, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the finished candidates, then those that remain only because a rule is disabled.

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
