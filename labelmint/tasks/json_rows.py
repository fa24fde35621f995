"""Read JSON Lines row by row, and a JSON file that is one list of rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from labelmint.tasks.lines import Lines

Row = dict[str, Any]

_NO_ROW = "each line must be an object with named fields, or the file one list of those"


def json_rows(lines: Lines) -> Iterator[tuple[int, Row]]:
    """Yield the rows, each with its line; blank lines are no rows.

    Raise `DataError` if a row is no object, or has two fields of one name.
    """
    first = True
    for line in lines:
        if not line.strip():
            continue
        begin = lines.number
        if first and line.lstrip().startswith("["):
            yield from _list_rows(lines, line)
            return
        try:
            row = _DECODER.decode(line)
        except (ValueError, RecursionError) as error:
            remedy = _whole(line, lines) if first and isinstance(error, json.JSONDecodeError) else ""
            raise lines.error(_problem(error) + remedy, begin) from None
        yield begin, _checked(lines, row, begin)
        first = False


def _list_rows(lines: Lines, first: str) -> Iterator[tuple[int, Row]]:
    """Yield the elements of a list that may stand on many lines."""
    number, text, counted = lines.number, first + "".join(lines), 0
    at = _skip(text, text.index("[") + 1)
    while text[at : at + 1] != "]":
        number, counted = number + text.count("\n", counted, at), at
        try:
            row, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            place = getattr(error, "pos", at)
            raise lines.error(_problem(error), number + text.count("\n", counted, place)) from None
        yield number, _checked(lines, row, number)
        at = _skip(text, at)
        comma = text[at : at + 1] == ","
        if not comma and text[at : at + 1] != "]":
            raise lines.error("not valid JSON: after this row, neither a comma nor the list's end", number)
        at = _skip(text, at + comma)
    if text[at + 1 :].strip():
        raise lines.error(_NO_ROW, number)


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in " \t\r\n":
        at += 1
    return at


def _checked(lines: Lines, row: Any, number: int) -> Row:
    if not isinstance(row, dict):
        raise lines.error(_NO_ROW, number)
    return row


def _named_once(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        name = next(key for key in row if sum(key == other for other, _ in pairs) > 1)
        raise ValueError(f"two fields are named {name!r}; rename one")
    return row


_DECODER = json.JSONDecoder(object_pairs_hook=_named_once)


def _problem(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "not valid JSON: nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON: {error.msg.removesuffix(' at')} at character {error.colno}"
    if "set_int_max_str_digits" in str(error):
        return "a number has more than 4,300 digits; write it in quotes"
    return f"not valid JSON: {error}"


def _whole(first: str, lines: Lines) -> str:
    """Return what to do about a file whose first line is no row, but perhaps with the others one object."""
    try:
        content = json.loads(first + "".join(lines))
    except (ValueError, RecursionError):
        return "; write each row as one line"
    return f"; the file is one object, not a row a line{rows_within(content)}"


def rows_within(row: Row, column: str | None = None) -> str:
    """Return what to do about an object that has rows (with this column) in a field; "": it has none."""
    if {"columns", "data"} <= row.keys():
        return ": pandas wrote it with orient='split'; write it with orient='records', lines=True"
    for key, value in row.items():
        rows = isinstance(value, list) and value and isinstance(value[0], dict)
        if rows and (column is None or column in value[0]):
            return f": its rows seem to be in {key!r}; save that list alone, as .json"
    return ""
