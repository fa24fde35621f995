"""Read files and folders into tables of texts: a label 1 must not become 1.0, nor a text "NA" be missing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from labelmint.core.errors import DataError
from labelmint.core.records import read_rows

UTF_8 = "utf-8-sig"  # with or without a byte order mark

# The columns of a folder's table.
TEXT, LABEL = "text", "label"


@dataclass(frozen=True)
class Table:
    """Rows whose values are all texts; `origin` is what errors call it, `columns` all that it has.

    The frame may hold fewer columns: those that were wanted.
    """

    origin: str
    columns: list[str]
    frame: pd.DataFrame


def read_file(path: Path, encoding: str, wanted: Sequence[str]) -> Table:
    """Read a CSV, TSV, JSON Lines or Parquet file; raise `DataError` if it isn't one."""
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        frame = _read_separated(path, "," if suffix == ".csv" else "\t", encoding)
        return Table(str(path), list(map(str, frame.columns)), frame)
    if encoding != UTF_8:
        raise DataError(f"{path}: `encoding` is for .csv, .tsv and .txt files alone; remove it")
    if suffix in (".jsonl", ".ndjson"):
        rows = read_rows(path)
        for number, row in enumerate(rows, 1):
            if not isinstance(row, dict):
                raise DataError(f"{path}:{number}: each line must be an object with named fields")
        columns = list(dict.fromkeys(key for row in rows for key in row))
        values = {name: [row.get(name) for row in rows] for name in wanted if name in columns}
        return Table(str(path), columns, as_texts(values, len(rows)))
    if suffix == ".parquet":
        return _read_parquet(path, wanted)
    raise DataError(
        f"{path}: files end in .csv, .tsv, .jsonl, .ndjson or .parquet, not {suffix or 'nothing'!r}"
    )


def read_folder(folder: Path, encoding: str) -> Table:
    """Read a folder with one sub-folder of .txt files per label, in the order of their names."""
    files = sorted(folder.glob("*/*.txt"), key=lambda path: path.parts[-2:])
    texts, damaged = [], []
    for path in files:
        try:
            text = path.read_bytes().decode(encoding, errors="replace")
        except LookupError:
            raise _unknown_encoding(folder, encoding) from None
        if "\ufffd" in text:
            damaged.append(path)
        texts.append(text)
    if damaged:
        print(
            f"prepare: note: {len(damaged)} of {len(files)} files in {folder} aren't wholly "
            f"{encoding.removesuffix('-sig')} "
            f"(the first is {damaged[0].relative_to(folder)}); their wrong bytes are read as \ufffd. "
            "If there are many, set source.encoding",
            file=sys.stderr,
        )
    frame = as_texts({TEXT: texts, LABEL: [path.parent.name for path in files]}, len(files))
    return Table(str(folder), [TEXT, LABEL], frame)


def as_texts(values: dict[str, list[Any]], rows: int) -> pd.DataFrame:
    """Return a frame of texts."""
    # dtype=object: pandas' own strings can't hold the lone surrogates that JSON can.
    columns = {
        name: pd.Series([as_text(value) for value in own], dtype=object) for name, own in values.items()
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(rows), dtype=object)


def as_text(value: Any) -> str:
    """Return a value as a card would write it: 1.0 is "1", true is "true", nothing is ""."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None or value != value else str(value)


def _read_separated(path: Path, separator: str, encoding: str) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding=encoding)
    except UnicodeDecodeError as error:
        name = "UTF-8" if encoding == UTF_8 else encoding
        raise DataError(
            f"{path}: not {name} (byte {error.start}); name its encoding in the card, `source.encoding: "
            "cp1252` for example, or save it as UTF-8"
        ) from None
    except LookupError:
        raise _unknown_encoding(path, encoding) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path}: not a valid table: {str(error).strip()}") from None
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the first column for the rows' names
        raise DataError(f"{path}: more fields than column names; quote the texts that hold a separator")
    return table


def _unknown_encoding(path: Path, encoding: str) -> DataError:
    return DataError(f"{path}: source.encoding: Python knows no encoding {encoding!r}")


def _read_parquet(path: Path, wanted: Sequence[str]) -> Table:
    try:
        with pq.ParquetFile(path) as file:
            columns = list(file.schema_arrow.names)
            table = file.read(columns=[name for name in wanted if name in columns])
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a valid Parquet file: {error}") from None
    values = {name: table.column(name).to_pylist() for name in table.column_names}
    return Table(str(path), columns, as_texts(values, table.num_rows))
