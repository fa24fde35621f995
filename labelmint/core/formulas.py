"""Texts as cells of a CSV file that a spreadsheet may open: none is run as a formula."""

from __future__ import annotations

import re
from typing import Any

# What spreadsheets begin a formula with, some of them after an apostrophe that `as_cell` added; but no number.
_FORMULA = re.compile(r"'*(?![-+]?[0-9]+(?:[.,][0-9]+)?\Z)[=+\-@\t\r＝＋－＠]")


def as_cell(value: Any) -> Any:
    """Return a value as a cell: a text that a spreadsheet would run gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def of_cell(text: str) -> str:
    """Return the text that `as_cell` made the cell of."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
