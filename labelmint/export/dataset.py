"""The kept rows as Parquet and JSON Lines, in a folder that `datasets.load_dataset` opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Features, Value

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import write_rows

PARQUET, JSONL = Path("data/train.parquet"), Path("data/train.jsonl")

# Of kept rows, only where the filter's settings made them.
_OPTIONAL = {
    "profile": Value("string"),
    "confidence": Value("float64"),
    "variability": Value("float64"),
}


def exported_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kept row as users of the data set take it: `label` is the label to train on.

    `written_for` is None where the model gave no label.
    """
    return {**row, "label": row["judged_label"], "written_for": row["label"] or None}


def features(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Features:
    """Return the columns of exported rows, whose labels have these names."""
    label = ClassLabel(names=list(names))
    by_name = {name: Value("float64") for name in names}
    columns: dict[str, Any] = {"text": Value("string")}
    if any("text_pair" in row for row in rows):
        columns["text_pair"] = Value("string")
    columns |= {"label": label, "written_for": label, "method": Value("string"), "label_scores": by_name}
    columns |= {name: kind for name, kind in _OPTIONAL.items() if any(name in row for row in rows)}
    return Features({**columns, "id": Value("string")})


def write_dataset(folder: Path, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Features:
    """Write kept rows into the folder, twice; return their columns.

    Labels are numbers with names in Parquet, as `datasets` keeps them, and names in JSON Lines.
    Raise `DataError` if a row has a label that the task doesn't have.
    """
    for number, row in enumerate(rows, 1):
        for key, known in (("label", [*names, ""]), ("judged_label", names)):
            if row[key] not in known:
                raise DataError(
                    f"{paths.KEPT}:{number}: {key} {row[key]!r} is none of the task's; run `dvc repro`"
                )
    exported = [exported_row(row) for row in rows]
    columns = features(names, exported)
    chosen = [{name: _whole(row.get(name)) for name in columns} for row in exported]
    write_rows(folder / JSONL, chosen)
    number_of: dict[str | None, int | None] = {name: number for number, name in enumerate(names)}
    number_of[None] = None
    numbered = [{**row, **{key: number_of[row[key]] for key in ("label", "written_for")}} for row in chosen]
    # The schema carries the labels' names, for those who open the file alone.
    table = pa.Table.from_pylist(numbered, schema=columns.arrow_schema)
    pq.write_table(table, folder / PARQUET)
    return columns


def _whole(value: Any) -> Any:
    """Return a text with the lone halves of surrogate pairs, which Parquet can't hold, replaced by \ufffd."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
