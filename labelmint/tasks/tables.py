"""Open tables of texts: CSV, TSV, JSON Lines, Parquet, Arrow, workbooks, lines of text, compressed or not.

All that reads rows reads them here: `prepare` a whole file, `predict` a stream. Values stay as the file has
them: no text "NA" is missing, and no label 007 becomes 7. A row that can't be read is an error.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal, cast

from labelmint.core.errors import DataError
from labelmint.core.quoting import quoted
from labelmint.core.words import fold
from labelmint.tasks.cells import as_text, text_of, value_of
from labelmint.tasks.columnar import arrow_rows, workbook_rows
from labelmint.tasks.json_rows import json_rows, rows_within
from labelmint.tasks.lines import UTF_8, Lines, check_encoding, note_if_utf8
from labelmint.tasks.separated import separated

Kind = Literal["text", "csv", "tsv", "jsonl", "parquet", "arrow", "excel"]
Row = dict[str, Any]

KINDS: dict[str, Kind] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".xlsx": "excel",
    ".xls": "excel",
    ".ods": "excel",
    ".txt": "text",
}
_OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
COMPRESSED = (*_OPENERS, ".zst")
_ARCHIVES = (".zip", ".tar", ".tgz", ".7z", ".rar")

# The columns of a folder's table; a file of plain text has the first.
TEXT, LABEL = "text", "label"


@dataclass(frozen=True)
class OpenTable:
    """A table whose rows are read as they are asked for, each with its line or number."""

    origin: str
    columns: Sequence[str] | None  # None: each row has its own fields
    rows: Iterator[tuple[int, Row]]
    by_line: bool = True  # whether rows are known by their line, or else by their number

    def place(self, number: int) -> str:
        """Return where a row is, by its line or number."""
        return f"{self.origin}{':' if self.by_line else ', row '}{number}"

    def error(self, number: int, what: str) -> DataError:
        """Return an error of a row, by its line or number."""
        return DataError(f"{self.place(number)}: {what}")


def kind_of(name: str) -> tuple[Kind | None, str]:
    """Return what a file is by its name, and the ending by which it is compressed, "" if it isn't."""
    suffixes = ["", *(suffix.lower() for suffix in Path(name).suffixes)]
    packed = suffixes.pop() if suffixes[-1] in COMPRESSED else ""
    return KINDS.get(suffixes[-1]), packed


def known_kind(name: str, remedy: str = "") -> tuple[Kind, str]:
    """Return `kind_of`; raise `DataError` if the name doesn't tell."""
    kind, packed = kind_of(name)
    if kind is None:
        suffix = Path(name.removesuffix(packed)).suffix
        if suffix.lower() in _ARCHIVES:
            raise DataError(f"{name}: an archive; unpack it, and name the file in it")
        endings = f"files end in {', '.join(KINDS)}, compressed ones in {', '.join(COMPRESSED)} after that"
        given = f"not in {suffix!r}" if suffix else f"its name has no {'other ' if packed else ''}ending"
        raise DataError(f"{name}: {endings}; {given}{remedy}")
    return kind, packed


def unpacked(stream: IO[bytes], packed: str) -> IO[bytes]:
    """Return what a compressed stream holds; `packed` is the ending of its name."""
    if packed in _OPENERS:
        return cast("IO[bytes]", _OPENERS[packed](stream))
    if packed == ".zst":
        import pyarrow as pa

        return io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd"))
    return stream


def open_table(
    stream: IO[bytes],
    origin: str,
    kind: Kind,
    wanted: Sequence[str],
    encoding: str = UTF_8,
    encoding_remedy: str = "save it as UTF-8",
) -> OpenTable:
    """Open a stream as a table of a kind; of Parquet and Arrow files the wanted columns alone are read."""
    if kind in ("parquet", "arrow"):
        return OpenTable(
            origin, *arrow_rows(stream, origin, wanted, parquet=kind == "parquet"), by_line=False
        )
    if kind == "excel":
        return OpenTable(origin, *workbook_rows(stream, origin, as_text), by_line=False)
    lines = Lines(stream, origin, encoding, encoding_remedy, table=kind != "text")
    if kind == "text":
        texts = ({TEXT: line.removesuffix("\n").removesuffix("\r")} for line in lines)
        return OpenTable(origin, [TEXT], ((lines.number, row) for row in texts))
    if kind == "jsonl":
        return OpenTable(origin, None, json_rows(lines))
    return OpenTable(origin, *separated(lines, "csv" if kind == "csv" else "tsv"))


@dataclass(frozen=True)
class Table:
    """A table in memory."""

    origin: str
    columns: Sequence[str]
    rows: Sequence[dict[str, str]]  # with the columns that were wanted, as texts
    places: Sequence[str] = ()  # where each row is, for errors: file and line or number
    hint: str = ""  # what errors say of a column that is missing


def load_file(
    path: Path,
    encoding: str,
    texts: Sequence[str],
    values: Sequence[str] = (),
    encoding_key: str | None = "source.encoding",
) -> Table:
    """Read a file of any kind; raise `DataError` naming file, line and remedy.

    The wanted columns are `texts`, whose cells must be texts, and `values`, which may be numbers or truth
    values. `encoding_key` is the card's key of the encoding; None: there is none, and the file must be UTF-8.
    """
    kind, packed = known_kind(str(path))
    remedy = "save it as UTF-8" + (" (in Excel: CSV UTF-8)" if kind == "csv" else "")
    if kind not in ("csv", "tsv", "text"):
        if encoding != UTF_8:
            raise DataError(f"{path}: `encoding` is for .csv, .tsv and .txt files alone; remove it")
    elif encoding_key:
        check_encoding(str(path), encoding, encoding_key)
        remedy = f"name its encoding in the card, `{encoding_key}: cp1252` for example, or {remedy}"
    with path.open("rb") as file:
        table = open_table(unpacked(file, packed), str(path), kind, [*texts, *values], encoding, remedy)
        loaded = in_memory(table, texts, values)
    if kind == "text":
        loaded = replace(loaded, hint="; it is read as lines of text: let a table's name end in .csv or .tsv")
    if kind == "excel":
        loaded = replace(loaded, hint="; the first row must name the columns: remove those above it")
    with path.open("rb") as file:
        note_if_utf8(unpacked(file, packed), str(path), encoding)
    return loaded


def in_memory(table: OpenTable, texts: Sequence[str], values: Sequence[str]) -> Table:
    """Read all rows of a table; raise `DataError` naming the first cell that isn't what it must be."""
    columns = dict.fromkeys(table.columns or ())
    rows: list[dict[str, str]] = []
    places: list[str] = []
    hint = "; the first line must name the columns" if table.by_line else ""
    for number, row in table.rows:
        if table.columns is None:
            hint = hint if rows else rows_within(row, texts[0] if texts else None)
            columns.update(dict.fromkeys(row))
        try:
            cells = {name: text_of(row.get(name), name) for name in texts}
            rows.append(cells | {name: value_of(row.get(name), name) for name in values})
        except DataError as error:
            raise table.error(number, str(error)) from None
        places.append(table.place(number))
    return Table(table.origin, list(columns), rows, places, hint)


def check_columns(table: Table, columns: Mapping[str, str], near: str = "write {}") -> None:
    """Raise `DataError` if the table lacks a column; the keys say where each is asked for.

    `near` is what to do about a column that has nearly the name.
    """
    for key, column in columns.items():
        if column not in table.columns:
            problem = missing_column(column, table.columns, table.hint, near)
            raise DataError(f"{key}: {table.origin} has {problem}")


def missing_column(column: str, columns: Sequence[str], hint: str = "", near: str = "write {}") -> str:
    """Return that a column is missing, which there are, and what to do."""
    if not columns:
        return f"no column {column!r}; it is empty"
    alike = [name for name in columns if fold(name).strip("'\" ") == fold(column)]
    shown = ", ".join(
        repr(name) if name != name.strip() or not name.isprintable() else name
        for name in columns
        if name.strip()
    )
    return f"no column {column!r}; it has {shown}" + (f"; {near.format(quoted(alike[0]))}" if alike else hint)
