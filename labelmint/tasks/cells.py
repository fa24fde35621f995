"""Cells of tables as texts: texts stay as they are, labels may be numbers, and missing ones are ""."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from labelmint.core.errors import DataError

# Not 007: such labels are codes.
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d*)?(e[+-]?\d+)?")


_ROWS = "write rows, not columns: with pandas, to_json(orient='records', lines=True)"


def text_of(value: Any, column: str) -> str:
    """Return a cell that must be a text; one that is missing is ""."""
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return ""
    remedy = "name a column of texts, or save it as one"
    # As pandas writes columns: by the rows' numbers, or as one list.
    if isinstance(value, dict) and "".join(value).isdigit():
        remedy = _ROWS
    elif isinstance(value, list):
        remedy = f"join the list to one text; or, if it is the whole column, {_ROWS}"
    raise DataError(f"{column!r} must be a text, not {short(value)}; {remedy}")


def value_of(value: Any, column: str) -> str:
    """Return a cell of labels, which may be numbers or truth values, too; one that is missing is "".

    Programs that allow several labels, as doccano and Prodigy, write lists of one.
    """
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, str | bool | int | float | Decimal | None):
        return as_text(value)
    if isinstance(value, list | tuple) and value:
        raise DataError(f"{column!r} must be one label, not {short(value)}; leave the row out, or choose one")
    raise DataError(f"{column!r} must be a text or a number, not {short(value)}; save it as a text")


def as_text(value: Any) -> str:
    """Return a value as a card would write it: 1.0 is "1", true is "true", nothing is ""."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None or value != value else str(value)


def short(value: Any) -> str:
    """Return the beginning of a value as Python writes it."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"


def same_label(labels: Iterable[str]) -> Callable[[str], str]:
    """Return a function from a cell to the one of these labels that it means, or else to itself.

    Spaces around a cell and the composition of its accents count nothing, and programs write a number or
    truth value in several ways.
    """
    exact = {label: label for label in labels}
    plain: dict[str, list[str]] = {}
    for label in exact:
        plain.setdefault(_plain(label), []).append(label)
    unique = {key: found[0] for key, found in plain.items() if len(found) == 1}
    return lambda cell: exact.get(cell) or unique.get(_plain(cell), cell.strip())


def _plain(cell: str) -> str:
    """Return 1 for 1.0, +1 and 1e0, and true for True and TRUE."""
    plain = cell.strip().lower()
    if _NUMBER.fullmatch(plain) and abs(number := float(plain)) < 2**53 and number.is_integer():
        return str(int(number))
    return plain if plain in ("true", "false") else unicodedata.normalize("NFC", cell.strip())
