"""The kept rows as Parquet and JSON Lines, in a folder that `datasets.load_dataset` opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Features, List, Value

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import write_rows

PARQUET, JSONL = Path("data/train.parquet"), Path("data/train.jsonl")

# Of kept rows, only where the filter's settings made them.
_OPTIONAL = {
    "tags": List(Value("string")),
    "profile": Value("string"),
    "confidence": Value("float64"),
    "variability": Value("float64"),
}


def features(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Features:
    """Return the columns of the rows, whose labels have these names."""
    label = ClassLabel(names=list(names))
    by_name = {name: Value("float64") for name in names}
    columns: dict[str, Any] = {"text": Value("string")}
    if any("text_pair" in row for row in rows):
        columns["text_pair"] = Value("string")
    columns |= {"label": label, "written_label": label, "method": Value("string"), "label_scores": by_name}
    columns |= {name: kind for name, kind in _OPTIONAL.items() if any(name in row for row in rows)}
    if any("label_shares" in row for row in rows):
        columns["label_shares"] = by_name
    return Features({**columns, "id": Value("string")})


def write_dataset(folder: Path, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Features:
    """Write the rows into the folder, twice; return their columns.

    Labels are numbers with names in Parquet, as `datasets` keeps them, and names in JSON Lines.

    Raises
    ------
    DataError
        If there are no rows, or one has a label that the task doesn't have.
    """
    if not rows:
        raise DataError(f"{paths.KEPT}: no rows; there is nothing to export")
    known = set(names)
    for number, row in enumerate(rows, 1):
        for key in ("label", "written_label"):
            if row[key] not in known:
                raise DataError(
                    f"{paths.KEPT}:{number}: {key} {row[key]!r} is none of the task's; run `dvc repro`"
                )
    columns = features(names, rows)
    chosen = [{name: _whole(row.get(name)) for name in columns} for row in rows]
    write_rows(folder / JSONL, chosen)
    number_of = {name: number for number, name in enumerate(names)}
    numbered = [{**row, **{key: number_of[row[key]] for key in ("label", "written_label")}} for row in chosen]
    # The schema carries the labels' names, so that the file says them by itself too.
    table = pa.Table.from_pylist(numbered, schema=columns.arrow_schema)
    pq.write_table(table, folder / PARQUET)
    return columns


def _whole(value: Any) -> Any:
    """Return a text with the lone halves of surrogate pairs, which Parquet can't hold, replaced by \ufffd."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
