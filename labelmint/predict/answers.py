"""How answers are written: JSON Lines, a label per line, or CSV; to a file at once, or as they come."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

from labelmint.core.errors import DataError
from labelmint.core.files import atomic_binary_file
from labelmint.core.formulas import csv_line
from labelmint.core.records import dump
from labelmint.predict.items import Item

Format = Literal["text", "jsonl", "csv"]
FORMATS: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".txt": "text"}


class Answers:
    """Writes one answer per item, in the order that they are given.

    A blank item has no label: an empty line, an empty field, null. Neither has one whose best label is less
    probable than `min_confidence`. `blank`, `unsure` and `answered` (by whom) count the items.
    """

    def __init__(
        self, sink: IO[bytes], form: Format, label_names: Sequence[str], min_confidence: float = 0.0
    ) -> None:
        self.sink, self.form, self.label_names = sink, form, list(label_names)
        self.min_confidence = min_confidence
        self.blank, self.unsure, self.answered = 0, 0, Counter[str]()
        self.columns: list[str] = []

    def write(
        self, item: Item, probabilities: Sequence[float] | None, answered_by: str | None = None
    ) -> None:
        """Write an item's answer; None: it is blank. `answered_by` is a column; "": nobody did."""
        row = self._row(item, probabilities)
        if answered_by is not None:
            row["answered_by"] = answered_by or None
            self.answered[answered_by] += 1
        if row["probability"] is None:
            self.blank += 1
        elif row["probability"] < self.min_confidence:
            row["label"] = None
            self.unsure += 1
        if self.form == "jsonl":
            self.sink.write(f"{dump(row)}\n".encode())
        elif self.form == "text":
            self.sink.write((" ".join(str(row["label"] or "").splitlines()) + "\n").encode())
        else:
            self._write_fields(row)

    def _row(self, item: Item, probabilities: Sequence[float] | None) -> dict[str, Any]:
        row: dict[str, Any] = {} if item.id is None else {"id": item.id}
        row["text"] = item.text
        if item.text_pair is not None:
            row["text_pair"] = item.text_pair
        if probabilities is None:
            return {**row, "label": None, "probability": None, "probabilities": None}
        best = self.label_names[max(range(len(probabilities)), key=probabilities.__getitem__)]
        by_name = {name: round(float(p), 6) for name, p in zip(self.label_names, probabilities, strict=True)}
        return {**row, "label": best, "probability": by_name[best], "probabilities": by_name}

    def _write_fields(self, row: dict[str, Any]) -> None:
        by_name = row.pop("probabilities") or {}
        fields = {**row, **{f"probability_{name}": by_name.get(name) for name in self.label_names}}
        lines = [] if self.columns else [csv_line(fields)]
        self.columns = self.columns or list(fields)
        if "id" in fields and "id" not in self.columns:
            raise DataError(
                f"the row with id {fields['id']!r} comes after rows without one, so the table has no column "
                "for it; give the first row an id, too, or let --output end in .jsonl"
            )
        lines.append(csv_line(fields.get(name) for name in self.columns))
        self.sink.write("".join(lines).encode("utf-8", "replace"))


@contextmanager
def answers_file(path: Path | None) -> Iterator[IO[bytes]]:
    """Open what the answers go to: standard output, or a file that gets its name once it is whole."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif path.exists() and not path.is_file():
        if path.is_dir():
            raise DataError(f"--output: {path} is a folder; name a file in it")
        with path.open("wb") as file:  # a device or a pipe must not be replaced
            yield file
    else:
        with atomic_binary_file(path.resolve()) as file:
            yield file
