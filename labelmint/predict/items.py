"""The texts to label, as a stream: lines of plain text, or the rows of a table, whatever their size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from labelmint.core.records import Input
from labelmint.tasks.tables import KINDS, Kind, Lines, Row, separated, stream_rows
from labelmint.tasks.texts import clean

InputKind = Literal["text"] | Kind

INPUT_KINDS: dict[str, InputKind] = {**KINDS, ".txt": "text"}


@dataclass(frozen=True, slots=True)
class Item:
    """A text, or a pair of texts, with the `id` that its row had."""

    text: str
    text_pair: str | None = None
    id: Any = None

    @property
    def blank(self) -> bool:
        """Whether there is nothing to label."""
        return not self.text.strip() and not (self.text_pair or "").strip()

    @property
    def size(self) -> int:
        """Characters of all texts."""
        return len(self.text) + len(self.text_pair or "")

    def input(self) -> Input:
        """Return the item as students take it."""
        # As training rows are: to a language model, a line break would begin another row of its prompt.
        row = Input(id="", text=clean(self.text))
        if self.text_pair is not None:
            row["text_pair"] = clean(self.text_pair)
        return row


def read_items(lines: Lines, kind: InputKind, column: str, pair_column: str) -> Iterator[Item]:
    """Yield the stream's texts in their order; raise `DataError` naming file and line of a wrong one.

    Every line of a plain text is an item, also an empty one; elsewhere empty lines are no rows.
    """
    if kind == "text":
        return (Item(line.removesuffix("\n").removesuffix("\r")) for line in lines)
    if kind == "jsonl":
        rows = _checked(lines, stream_rows(lines, kind), column, pair_column)
    else:
        columns, rows = separated(lines, kind)
        if columns and column not in columns:
            raise lines.error(f"no column {column!r}; it has {', '.join(columns)}; name one with --column")
    return (Item(row[column], row.get(pair_column), row.get("id")) for row in rows)


def _checked(lines: Lines, rows: Iterator[Row], column: str, pair_column: str) -> Iterator[Row]:
    """Check that each row of JSON has its texts, and all or none of them a second one."""
    pairs: bool | None = None
    for row in rows:
        pairs = pair_column in row if pairs is None else pairs
        if pairs != (pair_column in row):
            there = "has" if pair_column in row else "lacks"
            raise lines.error(f"this row {there} a {pair_column!r}, unlike the rows before it")
        for key in [column, pair_column] if pairs else [column]:
            _check_text(lines, row, key)
        yield row


def _check_text(lines: Lines, row: Mapping[str, Any], key: str) -> None:
    if key not in row:
        raise lines.error(f"no field {key!r}; it has {', '.join(row) or 'none'}; name one with --column")
    if not isinstance(row[key], str):
        raise lines.error(f"{key!r} must be a text, not {json.dumps(row[key])[:40]}")


def windows(
    items: Iterable[Item], first: int, most: int, characters: int = 4_000_000
) -> Iterator[list[Item]]:
    """Yield the items in pieces that grow from `first` to `most` rows.

    A window is what is sorted by length, and held in memory; the first ones are small so that the first
    answers come soon. One is complete sooner where its texts have many characters.
    """
    size, window, held = first, list[Item](), 0
    for item in items:
        window.append(item)
        held += item.size
        if len(window) >= size or held >= characters:
            yield window
            size, window, held = min(2 * size, most), [], 0
    if window:
        yield window
