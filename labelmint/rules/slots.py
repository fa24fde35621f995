"""A rule on the value that a text was to mention."""

from __future__ import annotations

from labelmint.core.records import Candidate
from labelmint.core.words import mentions
from labelmint.rules.filtering import Evidence
from labelmint.rules.form import FormContext


def missing_slot(row: Candidate, context: FormContext) -> Evidence | None:
    """Check that a written text has the words of the value, in their order, whatever their case."""
    value = row["values"].get(context.must_occur or "")
    if value is None:
        return None
    written = [text for _, text in context.written(row)]
    return None if any(mentions(text, value) for text in written) else {"value": value}
