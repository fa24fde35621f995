"""Rows that say their label, for the students that ask a language model."""

from __future__ import annotations

from collections.abc import Sequence

from labelmint.core.records import Labelled
from tests.builders import labelled

MOODS = {"negative": "awful", "positive": "great"}
NAMES = list(MOODS)


def rows(labels: Sequence[str], first: int = 0) -> list[Labelled]:
    """Return a row for each label; its text says the label's mood."""
    return [labelled(label, at, f"row {at} is {MOODS[label]}") for at, label in enumerate(labels, first)]
