"""The texts to label, as a stream: lines, JSON Lines, CSV or TSV, whatever their size."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from labelmint.core.errors import DataError

Kind = Literal["text", "jsonl", "csv", "tsv"]
KINDS: dict[str, Kind] = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}

# A quote that is never closed takes the rest of a file for one field: it ends here and not in memory.
_MAX_FIELD = 10_000_000


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


class Lines:
    """The decoded lines of a binary stream; knows how far it is.

    Lines end with a line feed alone: texts may hold the other characters that Python takes for line ends.
    """

    def __init__(self, stream: Iterable[bytes], origin: str) -> None:
        self.stream, self.origin = stream, origin
        self.number = self.bytes = 0

    def __iter__(self) -> Iterator[str]:
        for line in self.stream:
            self.number += 1
            self.bytes += len(line)
            try:
                yield line.decode("utf-8-sig" if self.number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise self.wrong("not UTF-8; save it as UTF-8") from None

    def wrong(self, what: str, line: int | None = None) -> DataError:
        """Return an error of a line, the last one unless given."""
        return DataError(f"{self.origin}:{self.number if line is None else line}: {what}")


def read_items(lines: Lines, kind: Kind, text_column: str, pair_column: str) -> Iterator[Item]:
    """Yield the stream's texts in their order; raise `DataError` naming file and line of a wrong one.

    Every line of a plain text is an item, also an empty one; elsewhere empty lines are no rows.
    """
    if kind == "text":
        return (Item(line.removesuffix("\n").removesuffix("\r")) for line in lines)
    if kind == "jsonl":
        return _json_items(lines, text_column, pair_column)
    return _table_items(lines, "," if kind == "csv" else "\t", text_column, pair_column)


def _json_items(lines: Lines, text_column: str, pair_column: str) -> Iterator[Item]:
    pairs: bool | None = None
    for line in lines:
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise lines.wrong(f"not valid JSON: {error.msg}") from None
        except RecursionError:
            raise lines.wrong("not valid JSON: nested too deeply") from None
        if not isinstance(row, dict):
            raise lines.wrong("each line must be an object with named fields")
        pairs = pair_column in row if pairs is None else pairs
        if pairs != (pair_column in row):
            there = "has" if pair_column in row else "lacks"
            raise lines.wrong(f"this row {there} a {pair_column!r}, unlike the rows before it")
        for key in [text_column, pair_column] if pairs else [text_column]:
            if key not in row:
                raise lines.wrong(f"no field {key!r}; it has {', '.join(row) or 'none'}; use --column")
            if not isinstance(row[key], str):
                raise lines.wrong(f"{key!r} must be a text, not {json.dumps(row[key])[:40]}")
        yield Item(row[text_column], row[pair_column] if pairs else None, row.get("id"))


def _table_items(lines: Lines, separator: str, text_column: str, pair_column: str) -> Iterator[Item]:
    csv.field_size_limit(_MAX_FIELD)
    table = csv.reader(lines, delimiter=separator, strict=True)
    header: list[str] = []
    place: dict[str, int] = {}
    while True:
        begin = lines.number + 1
        try:
            row = next(table, None)
        except csv.Error as error:
            raise lines.wrong(f"not a valid table: {error}", begin) from None
        if row is None:
            return
        if not row:  # an empty line
            continue
        if not header:
            header, place = row, _places(lines, row, text_column, pair_column)
            continue
        if len(row) != len(header):
            raise lines.wrong(
                f"{len(row)} fields, but {len(header)} columns; quote the texts that hold a separator", begin
            )
        pair = row[place[pair_column]] if pair_column in place else None
        yield Item(row[place[text_column]], pair, row[place["id"]] if "id" in place else None)


def _places(lines: Lines, header: list[str], text_column: str, pair_column: str) -> dict[str, int]:
    for name in {text_column, pair_column}:
        if header.count(name) > 1:
            raise lines.wrong(f"two columns are named {name!r}")
    if text_column not in header:
        raise lines.wrong(f"no column {text_column!r}; it has {', '.join(header)}; name one with --column")
    return {name: header.index(name) for name in (text_column, pair_column, "id") if name in header}


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
