"""Read CSV and TSV row by row: every line is in a row, or an error says which one isn't."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from labelmint.tasks.lines import Lines

Separated = Literal["csv", "tsv"]
Record = tuple[int, list[str]]  # the line that it begins at, and its fields

_SEPARATORS: dict[Separated, str] = {"csv": ",", "tsv": "\t"}
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
# A quote that is never closed makes one field of the rest of a file: an error before memory ends.
_MAX_FIELD = 10_000_000
# How far the end of a text that a quote begins is looked for, in lines, where the quote may be a letter.
_MAX_LINES = 1000
# Of the cells by which rows are known that a stray quote made part of a text.
_MAX_CELL, _MAX_CELLS = 60, 10_000


def separated(lines: Lines, kind: Separated) -> tuple[list[str], Iterator[tuple[int, dict[str, Any]]]]:
    """Return the columns, and the rows as they are read, each with its line; no columns: it is empty."""
    csv.field_size_limit(_MAX_FIELD)
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        return [], iter(())
    _check_separator(lines, kind, first)
    header = lines.number
    lines.give_back([first])
    quoted = first.strip().startswith('"')
    columns = next(_quoted(lines, _SEPARATORS[kind]))[1]
    for name in columns:
        if name and columns.count(name) > 1:
            raise lines.error(f"two columns are named {name!r}; rename one", header)
    # With a quoted header all is quoted. Without tabs nothing tells a quote that is a letter from another.
    literal = kind == "tsv" and len(columns) > 1 and not quoted
    records = _unquoted(lines, len(columns)) if literal else _quoted(lines, _SEPARATORS[kind], columns)
    return columns, _rows(lines, columns, records)


def _check_separator(lines: Lines, kind: Separated, header: str) -> None:
    """Raise `DataError` if another separator than the kind's stands between the columns' names."""
    header = header.strip()
    if re.match(r'\[?\s*\{\s*"', header):
        raise lines.error("it is JSON; let its name end in .jsonl, or in .json if it is one list")
    if header.lower().lstrip('"').startswith("sep="):
        raise lines.error(f"remove this line, {header!r}, which is for Excel alone")
    separator = _SEPARATORS[kind]
    other = max(_NAMES, key=header.count)
    if separator in header or not header.count(other):
        return
    remedy = "save it as .csv with commas, or as .xlsx"
    if {separator, other} == {",", "\t"}:
        remedy = f"let its name end in {'.tsv' if other == chr(9) else '.csv'}"
    raise lines.error(
        f"its columns are separated by {_NAMES[other]}, not {_NAMES[separator]} ({header[:80]}); {remedy}"
    )


def _rows(
    lines: Lines, columns: list[str], records: Iterator[Record]
) -> Iterator[tuple[int, dict[str, Any]]]:
    for begin, fields in records:
        if len(fields) == len(columns):
            yield begin, dict(zip(columns, fields, strict=True))
        elif any(map(str.strip, fields)):  # else a line of blanks
            remedy = "quote the texts that hold a separator, or name every column in the first line"
            if len(fields) < len(columns):
                remedy = "is the row cut off, or a text on two lines without quotes?"
            raise lines.error(f"{len(fields)} fields, but {len(columns)} columns; {remedy}", begin)


def _quoted(lines: Lines, separator: str, columns: list[str] | None = None) -> Iterator[Record]:
    """Yield the records of a file in which texts with quotes, separators or line ends are quoted."""
    taken: list[str] = []

    def noted() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    # A quote after a separator and spaces begins a quoted cell, too.
    reader = csv.reader(noted(), delimiter=separator, strict=True, skipinitialspace=True)
    cells: list[set[str]] = [set() for _ in columns or ()]
    merged: list[tuple[int, int, list[list[str]]]] = []
    while True:
        taken.clear()
        begin = lines.number + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise lines.error(f"not a valid table: {error}; {_remedy(str(error))}", begin) from None
        if fields is None:
            break
        _note(fields, cells)
        if columns and len(taken) > 1 and len(fields) == len(columns):
            merged += [(begin, lines.number, rows)] if (rows := _merged(taken, separator, fields)) else []
        if fields:
            yield begin, fields
    _check_merged(lines, merged, cells)


def _remedy(error: str) -> str:
    if "new-line" in error:
        return "a carriage return stands within a line: quote its text, or give all lines one kind of end"
    return "check the quotes from here on: write those within a text twice, and quote the text"


def _merged(taken: list[str], separator: str, fields: list[str]) -> list[list[str]]:
    """Return the fields of each line of a record, if all could be rows that a stray quote merged.

    Those of the first line that are the record's own say nothing, and are empty. So are those in the column
    of a text on several lines, of which one may well be another row's text: "Thanks".
    """
    lines = [line.rstrip("\r\n").split(separator) for line in taken[:-1] if line.strip()]
    rows = [[cell.lstrip(" ") for cell in line] for line in lines]
    if any(len(row) != len(fields) for row in rows):
        return []
    rows[0] = ["" if cell in fields else cell for cell in rows[0]]
    return [["" if "\n" in whole else cell for cell, whole in zip(row, fields, strict=True)] for row in rows]


def _check_merged(
    lines: Lines, merged: list[tuple[int, int, list[list[str]]]], cells: list[set[str]]
) -> None:
    """Raise `DataError` if lines of one record have cells that the same column has elsewhere."""
    for begin, end, rows in merged:
        if _known(rows, cells):
            raise lines.error(
                f"a quote that begins in this row and ends in line {end} makes one text of several rows; "
                "remove it, or write it twice within quotes",
                begin,
            )


def _unquoted(lines: Lines, columns: int) -> Iterator[Record]:
    """Yield the records of a file in which quotes may be letters: a line with all its fields is a row.

    Spreadsheets quote the texts of such files, other programs don't. So a quote that its line doesn't close
    is one only if a later line closes it, and not all lines up to that one are rows. If they could be both,
    they are rows where a column's cells are known from other rows.
    """
    cells: list[set[str]] = [set() for _ in range(columns)]
    for line in lines:
        begin, fields, taken = lines.number, _fields(line), [line]
        parsed, is_open = _parsed(taken)
        rows = len(fields) == columns
        while is_open and len(taken) < _MAX_LINES and (following := next(lines, None)) is not None:
            taken.append(following)
            rows = rows and len(_fields(following)) in (columns, 0)
            if '"' in following:
                parsed, is_open = _parsed(taken)
        if len(parsed) == columns and len(taken) > 1 and rows and not _known(map(_fields, taken[:-1]), cells):
            raise lines.error(
                f"from here to line {lines.number}, is it one text in quotes, or are they rows? "
                "Remove the first quote, or save the table as .csv or .xlsx",
                begin,
            )
        if len(parsed) == columns and not rows:
            fields = parsed
        else:
            lines.give_back(taken[1:])
        if fields:
            _note(fields, cells)
            yield begin, fields


def _note(fields: list[str], cells: list[set[str]]) -> None:
    """Remember a row's short cells, by which a column's are known."""
    for cell, known in zip(fields, cells, strict=False):
        if cell.strip() and len(cell) <= _MAX_CELL and len(known) < _MAX_CELLS:
            known.add(cell)


def _known(rows: Iterable[list[str]], cells: list[set[str]]) -> bool:
    """Return whether one of these rows has a cell that the same column has elsewhere."""
    return any(cell in known for row in rows for cell, known in zip(row, cells, strict=False))


def _fields(line: str) -> list[str]:
    """Return the fields of a line; quotes around one are removed, but for those that are letters."""
    line = line.rstrip("\r\n")
    return [_bare(field) for field in line.split("\t")] if line else []


def _bare(field: str) -> str:
    if len(field) < 2 or not field[0] == field[-1] == '"':
        return field
    inner = field[1:-1].replace('""', "\0")
    return field if '"' in inner else inner.replace("\0", '"')


def _parsed(taken: list[str]) -> tuple[list[str], bool]:
    """Return the fields of these lines as one record with quotes, and whether its end is missing."""
    if '"' not in taken[0]:
        return [], False
    reader = csv.reader(taken, delimiter="\t", strict=True)
    try:
        fields = next(reader, [])
    except csv.Error as error:
        return [], "unexpected end" in str(error)
    return (fields if reader.line_num == len(taken) else []), False
