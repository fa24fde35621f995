"""Texts as cells of a CSV file that a spreadsheet may open: none is run as a formula, none ends its row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

# What spreadsheets begin a formula with, also after an apostrophe that `as_cell` added; but no number.
_FORMULA = re.compile(r"'*(?![-+]?[0-9]+(?:[.,][0-9]+)?\Z)[=+\-@\t\r＝＋－＠]")


def csv_line(values: Iterable[Any]) -> str:
    """Return values as a line of CSV."""
    line = io.StringIO()
    # With this end, cells with a carriage return are quoted too, at which many readers end a row.
    csv.writer(line, lineterminator="\r\n").writerow(map(as_cell, values))
    return line.getvalue().removesuffix("\r\n") + "\n"


def as_cell(value: Any) -> Any:
    """Return a value as a cell: a text that a spreadsheet would run gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def of_cell(text: str) -> str:
    """Return the text that `as_cell` made the cell of."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
