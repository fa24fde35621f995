"""Read tables of texts: CSV, TSV and JSON Lines row by row, Parquet files and folders of .txt files.

`prepare` and `predict` read alike. Values stay as the file has them: no text "NA" is missing, no label 1
becomes 1.0.
"""

from __future__ import annotations

import codecs
import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from labelmint.core.errors import DataError

Kind = Literal["csv", "tsv", "jsonl"]
Row = dict[str, Any]

KINDS: dict[str, Kind] = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
UTF_8 = "utf-8-sig"  # with or without a byte order mark

# The columns of a folder's table.
TEXT, LABEL = "text", "label"

# A quote that is never closed makes one field of the rest of a file: an error before memory ends.
_MAX_FIELD = 10_000_000


class Lines:
    """The decoded lines of a binary stream; `number` and `bytes` count what was read so far.

    Lines end with a line feed alone: texts may hold the other characters that Python takes for line ends.

    Parameters
    ----------
    origin
        What errors call the stream.
    encoding_remedy
        What errors advise if the stream has another encoding.
    """

    def __init__(
        self,
        stream: Iterable[bytes],
        origin: str,
        encoding: str = UTF_8,
        encoding_remedy: str = "save it as UTF-8",
    ) -> None:
        self.stream, self.origin = stream, origin
        self.encoding, self.encoding_remedy = encoding, encoding_remedy
        self.number = self.bytes = 0

    def __iter__(self) -> Iterator[str]:
        # Not line by line: in UTF-16 the byte of a line feed may be half of another character.
        decoder, pending = codecs.getincrementaldecoder(self.encoding)(), ""
        try:
            for part in self.stream:
                self.bytes += len(part)
                *whole, pending = (pending + decoder.decode(part)).split("\n")
                for line in whole:
                    self.number += 1
                    yield f"{line}\n"
            pending += decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            name = "UTF-8" if self.encoding == UTF_8 else self.encoding
            raise self.error(f"not {name}; {self.encoding_remedy}", self.number + 1) from None
        if pending:
            self.number += 1
            yield pending

    def error(self, what: str, line: int | None = None) -> DataError:
        """Return an error of a line, the last one unless given."""
        return DataError(f"{self.origin}:{self.number if line is None else line}: {what}")


def stream_rows(lines: Lines, kind: Kind) -> Iterator[Row]:
    """Yield the rows of a table as mappings of column names to values; empty lines are no rows.

    Raises
    ------
    DataError
        Naming file, line and remedy, if a row is wrong.
    """
    return _json_rows(lines) if kind == "jsonl" else separated(lines, kind)[1]


def separated(lines: Lines, kind: Kind) -> tuple[list[str], Iterator[Row]]:
    """Return the columns of a CSV or TSV file, and its rows as they are read; no columns: it is empty."""
    csv.field_size_limit(_MAX_FIELD)
    records = _records(lines, csv.reader(lines, delimiter="," if kind == "csv" else "\t", strict=True))
    columns = next(records, (0, list[str]()))[1]
    for name in columns:
        if name and columns.count(name) > 1:
            raise lines.error(f"two columns are named {name!r}; rename one")
    return columns, _rows(lines, columns, records)


def _records(lines: Lines, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the fields of each row, and the line that it begins at."""
    while True:
        begin = lines.number + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise lines.error(f"not a valid table: {error}; check the quotes from here on", begin) from None
        if fields is None:
            return
        if fields:
            yield begin, fields


def _rows(lines: Lines, columns: list[str], records: Iterator[tuple[int, list[str]]]) -> Iterator[Row]:
    for begin, fields in records:
        if len(fields) == len(columns):
            yield dict(zip(columns, fields, strict=True))
        elif len(fields) > 1 or fields[0].strip():  # else a line of blanks
            raise lines.error(
                f"{len(fields)} fields, but {len(columns)} columns; quote the texts that hold a separator",
                begin,
            )


def _json_rows(lines: Lines) -> Iterator[Row]:
    for line in lines:
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise lines.error(f"not valid JSON: {error.msg}") from None
        except RecursionError:
            raise lines.error("not valid JSON: nested too deeply") from None
        if not isinstance(row, dict):
            raise lines.error("each line must be an object with named fields")
        yield row


@dataclass(frozen=True)
class Table:
    """A table in memory; `columns` names all its columns, `rows` have those that were wanted, as texts."""

    origin: str
    columns: Sequence[str]
    rows: Sequence[dict[str, str]]


def load_file(
    path: Path, encoding: str, wanted: Sequence[str], encoding_key: str | None = "source.encoding"
) -> Table:
    """Read a CSV, TSV, JSON Lines or Parquet file; raise `DataError` naming file, line and remedy.

    `encoding_key` is the card's key of the encoding; None: there is none, and the file must be UTF-8.
    """
    suffix = path.suffix.lower()
    kind = KINDS.get(suffix)
    if kind is None and suffix != ".parquet":
        raise DataError(f"{path}: files end in {', '.join(KINDS)} or .parquet, not {suffix or 'nothing'!r}")
    if kind not in ("csv", "tsv") and encoding != UTF_8:
        raise DataError(f"{path}: `encoding` is for .csv, .tsv and .txt files alone; remove it")
    _check_encoding(path, encoding, encoding_key)
    if kind is None:
        return _load_parquet(path, wanted)
    remedy = "save it as UTF-8"
    if kind != "jsonl" and encoding_key:
        remedy = f"name its encoding in the card, `{encoding_key}: cp1252` for example, or {remedy}"
    with path.open("rb") as file:
        lines = Lines(file, str(path), encoding, remedy)
        if kind == "jsonl":
            rows = list(stream_rows(lines, kind))
            columns = list(dict.fromkeys(key for row in rows for key in row))
            return Table(str(path), columns, as_texts(rows, [name for name in wanted if name in columns]))
        columns, stream = separated(lines, kind)
        if not columns:
            raise DataError(f"{path}: not a valid table: it is empty")
        return Table(str(path), columns, as_texts(stream, [name for name in wanted if name in columns]))


def check_columns(table: Table, columns: Mapping[str, str]) -> None:
    """Raise `DataError` if the table lacks a column; the keys say where each is asked for."""
    for key, column in columns.items():
        if column not in table.columns:
            raise DataError(
                f"{key}: {table.origin} has no column {column!r}; "
                f"it has {', '.join(table.columns) or 'no columns'}"
            )


def load_folder(folder: Path, encoding: str) -> Table:
    """Read a folder with one sub-folder of .txt files per label, in the order of their names."""
    _check_encoding(folder, encoding)
    files = sorted(folder.glob("*/*.txt"), key=lambda path: path.parts[-2:])
    rows = [
        {TEXT: path.read_bytes().decode(encoding, errors="replace"), LABEL: path.parent.name}
        for path in files
    ]
    damaged = [path for path, row in zip(files, rows, strict=True) if "\ufffd" in row[TEXT]]
    if damaged:
        print(
            f"prepare: note: {len(damaged)} of {len(files)} files in {folder} aren't wholly "
            f"{encoding.removesuffix('-sig')} (the first is {damaged[0].relative_to(folder)}); their wrong "
            "bytes are read as \ufffd. If there are many, set source.encoding",
            file=sys.stderr,
        )
    return Table(str(folder), [TEXT, LABEL], rows)


def as_texts(rows: Iterable[Row], columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows with these columns as texts; a value that a row lacks is ""."""
    return [{name: as_text(row.get(name)) for name in columns} for row in rows]


def as_text(value: Any) -> str:
    """Return a value as a card would write it: 1.0 is "1", true is "true", nothing is ""."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None or value != value else str(value)


def _check_encoding(path: Path, encoding: str, key: str | None = "source.encoding") -> None:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise DataError(f"{path}: {key}: Python knows no encoding {encoding!r}") from None


def _load_parquet(path: Path, wanted: Sequence[str]) -> Table:
    # `labelmint --help` imports this module, and need not wait for it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = list(file.schema_arrow.names)
            table = file.read(columns=[name for name in wanted if name in columns])
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a valid Parquet file: {error}") from None
    return Table(str(path), columns, as_texts(table.to_pylist(), table.column_names))
