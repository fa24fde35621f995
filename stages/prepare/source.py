"""Read the labelled rows that a task card points at: CSV, TSV or JSON Lines, by path or in a package."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stages import paths
from stages.errors import DataError
from stages.records import Labelled, read_rows
from stages.tasks import Source, TaskCard, card_path


@dataclass(frozen=True)
class Reading:
    """The usable rows of a source, and how many were left out and why."""

    rows: list[Labelled]
    left_out: dict[str, int]


def read_source(card: TaskCard, task: str) -> Reading:
    """Read, clean and deduplicate the card's rows, in file order; ids are row numbers of the file.

    Raises
    ------
    DataError
        If the file, a column or a label is missing, or a label of the data isn't in the card.
    """
    source = card.source
    assert source is not None
    assert source.text_column is not None
    assert source.label_column is not None
    path = source_path(source, task)
    table = _read_table(path)
    for key, column in [
        ("text_column", source.text_column),
        ("label_column", source.label_column),
        *((f"where.{column}", column) for column in source.where),
    ]:
        if column not in table.columns:
            raise DataError(
                f"{card_path(task)}: source.{key}: {path} has no column {column!r}; "
                f"it has {', '.join(map(str, table.columns)) or 'no columns'}"
            )
    for column, value in source.where.items():
        table = table[table[column] == value]
    _check_labels(card, task, path, Counter(table[source.label_column]))
    rows = [
        Labelled(id=f"r{number:06d}", text=clean(text), label=card.labels[label].name)
        for number, text, label in zip(
            table.index, table[source.text_column], table[source.label_column], strict=True
        )
    ]
    return _deduplicate(rows)


def source_path(source: Source, task: str) -> Path:
    """Return the path of the card's file; raise `DataError` if it is not there."""
    if source.path is not None:
        path = Path(source.path)
        if not path.is_file():
            raise DataError(f"{card_path(task)}: source.path: no file {path}")
        if paths.RAW.resolve() not in path.resolve().parents:
            print(
                f"prepare: note: {path} is outside {paths.RAW}, so DVC doesn't see when it changes; "
                "put it there",
                file=sys.stderr,
            )
        return path
    try:
        spec = importlib.util.find_spec(str(source.package))
    except (ImportError, ValueError):  # the package around it is missing; no name at all
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            f"{card_path(task)}: source.package: {source.package} is not installed; add it to "
            "pyproject.toml and run `make setup`"
        )
    path = Path(spec.submodule_search_locations[0]) / str(source.file)
    if not path.is_file():
        raise DataError(f"{card_path(task)}: source.file: package {source.package} has no file {source.file}")
    return path


def clean(text: str) -> str:
    """Join a text's lines and runs of white space by single spaces, and drop NULs."""
    return " ".join(text.replace("\0", " ").split())


def _read_table(path: Path) -> pd.DataFrame:
    """Read every value as text: a label 1 must not become 1.0, nor a text "NA" a missing value."""
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        rows = read_rows(path)
        for number, row in enumerate(rows, 1):
            if not isinstance(row, dict):
                raise DataError(f"{path}:{number}: each line must be an object with named fields")
        # dtype=object: pandas' own strings can't hold the lone surrogates that JSON can.
        columns = pd.Index(list(dict.fromkeys(key for row in rows for key in row)), dtype=object)
        values = [[_as_text(row.get(key)) for key in columns] for row in rows]
        return pd.DataFrame(values, columns=columns, dtype=object)
    if suffix not in (".csv", ".tsv"):
        raise DataError(f"{path}: files end in .csv, .tsv or .jsonl, not {suffix or 'nothing'!r}")
    try:
        table = pd.read_csv(
            path,
            sep="," if suffix == ".csv" else "\t",
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
        )
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path}: not a valid table: {str(error).strip()}") from None
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the first column for the rows' names
        raise DataError(f"{path}: more fields than column names; quote the texts that hold a separator")
    return table


def _as_text(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def _check_labels(card: TaskCard, task: str, path: Path, found: Counter[str]) -> None:
    seen = ", ".join(f"{label!r} ({count})" for label, count in found.most_common(8)) or "no rows"
    for label in card.labels:
        if label not in found:
            raise DataError(
                f"{card_path(task)}: labels: no row of {path} is labelled {label!r}; the data has {seen}"
            )
    for label in found:
        if label not in card.labels:
            raise DataError(
                f"{card_path(task)}: labels: {path} has rows labelled {label!r}, which the card does not "
                "name; add the label, or leave these rows out with source.where"
            )


def _deduplicate(rows: list[Labelled]) -> Reading:
    """Keep the first row of each text (case aside); drop all rows of a text with contradicting labels."""
    labels: dict[str, set[str]] = {}
    for row in rows:
        labels.setdefault(row["text"].casefold(), set()).add(row["label"])
    left_out = {"empty": 0, "duplicate": 0, "contradicting_labels": 0}
    kept, seen = [], set()
    for row in rows:
        key = row["text"].casefold()
        if not key:
            left_out["empty"] += 1
        elif len(labels[key]) > 1:
            left_out["contradicting_labels"] += 1
        elif key in seen:
            left_out["duplicate"] += 1
        else:
            seen.add(key)
            kept.append(row)
    return Reading(kept, left_out)
