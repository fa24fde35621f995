"""A rule on the value that a text was to mention."""

from __future__ import annotations

from labelmint.core.records import Candidate
from labelmint.core.words import words_of
from labelmint.rules.filtering import Evidence
from labelmint.rules.form import FormContext


def missing_slot(row: Candidate, context: FormContext) -> Evidence | None:
    """Check that a written text has the words of the value, in their order, whatever their case."""
    value = row["values"].get(context.must_occur or "")
    if value is None:
        return None
    wanted = words_of(value)
    return None if any(_has(words_of(text), wanted) for _, text in context.written(row)) else {"value": value}


def _has(words: list[str], run: list[str]) -> bool:
    return any(words[at : at + len(run)] == run for at in range(len(words) - len(run) + 1))
