"""The texts to label, as a stream: lines of plain text, or the rows of a table, whatever their size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labelmint.core.errors import DataError
from labelmint.core.records import Input
from labelmint.tasks.cells import as_text, text_of
from labelmint.tasks.json_rows import rows_within
from labelmint.tasks.tables import OpenTable, missing_column
from labelmint.tasks.texts import input_row

if TYPE_CHECKING:  # `labelmint --help` needs no pydantic
    from labelmint.tasks.cards import Excerpt


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

    def input(self, excerpt: Excerpt | None) -> Input:
        """Return the item as a student takes it that learnt from such parts of texts."""
        # As training rows are: to a language model, a line break would begin another row of its prompt.
        texts = [self.text] if self.text_pair is None else [self.text, self.text_pair]
        return input_row("", texts, excerpt)


def read_items(
    table: OpenTable, column: str, pair_column: str | None, *, required: bool = False
) -> Iterator[Item]:
    """Yield the table's texts in their order; raise `DataError` naming file and line of a wrong one.

    Second texts are those of `pair_column`, where there is such a column; if it is `required`, there must be.
    Every line of a plain text is an item, also an empty one; elsewhere empty lines are no rows.
    """
    columns, needed = table.columns, {column: "--column"}
    if required and pair_column:
        needed[pair_column] = "--pair-column"
    for name, option in needed.items():
        if columns and name not in columns:
            raise DataError(f"{table.origin}: {missing_column(name, columns, f'; name one with {option}')}")
    pairs = None if columns is None else pair_column in columns
    for place, row in table.rows:
        pairs = pair_column in row if pairs is None else pairs
        if pairs != (pair_column in row):
            there = "has" if pair_column in row else "lacks"
            raise table.error(place, f"this row {there} a {pair_column!r}, unlike the rows before it")
        for name, option in needed.items():
            if name not in row:
                remedy = rows_within(row, name) or f"; name one with {option}"
                raise table.error(place, missing_column(name, list(row)) + remedy)
        try:
            names = [column, pair_column] if pairs and pair_column else [column]
            texts = [text_of(row[name], name) for name in names]
        except DataError as error:
            raise table.error(place, str(error)) from None
        yield Item(texts[0], texts[1] if pairs else None, _id(row.get("id")))


def _id(value: Any) -> Any:
    """Return an id that JSON can hold: dates and bytes are texts, and NaN is none."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return as_text(value) or None
    return value


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
