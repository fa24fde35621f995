"""Read the table of facts that a task card names: slot values, products, glossary entries, triples."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labelmint.core.errors import DataError
from labelmint.core.records import Fact
from labelmint.core.words import fold
from labelmint.tasks.cards import FactTable, TaskCard, card_path
from labelmint.tasks.cells import same_label
from labelmint.tasks.source import check_file
from labelmint.tasks.split import listed
from labelmint.tasks.tables import Table, check_columns, load_file
from labelmint.tasks.texts import clean


@dataclass(frozen=True)
class FactRows:
    """The facts in the table's order, how many rows were left out by reason, and the file's SHA-256."""

    rows: list[Fact]
    left_out: dict[str, int]
    sha256: str


def read_facts(card: TaskCard, task: str) -> FactRows:
    """Read the card's table of facts, without repeated rows; there are none without a table.

    Raise `DataError` if the file or a column is missing, a cell is empty or names no label, or a label has no
    row.
    """
    if card.facts is None:
        return FactRows([], {}, "")
    origin, path = str(card_path(task)), Path(card.facts.path)
    table = _table(card.facts, origin, path)
    pairs = zip(_labels(card, card.facts, table), _values(card.facts, table), strict=True)
    facts = [Fact(label=label, values=values) for label, values in pairs]
    seen: dict[tuple[str, ...], Fact] = {}
    for fact in facts:
        seen.setdefault((fact["label"], *fact["values"].values()), fact)
    rows = [*seen.values()]
    _check_labels(card, rows, origin, path)
    left_out = {"repeated": len(facts) - len(rows)}
    return FactRows(rows, left_out, hashlib.sha256(path.read_bytes()).hexdigest())


def _table(facts: FactTable, origin: str, path: Path) -> Table:
    check_file(path, f"{origin}: facts.path")
    columns = dict(facts.columns)
    if facts.label_column is not None:
        columns.setdefault(facts.label_column, "facts.label_column")
    table = load_file(path, facts.encoding, [], [*columns], encoding_key="facts.encoding")
    for column, key in columns.items():
        check_columns(table, {f"{origin}: {key}": column})
    return table


def _labels(card: TaskCard, facts: FactTable, table: Table) -> list[str]:
    """Return the name of each row's label, "" if the row suits every label."""
    if facts.label_column is None:
        return [""] * len(table.rows)
    names = {"": "", **card.names_by_value}
    label_of = same_label(names)
    values = [label_of(row[facts.label_column]) for row in table.rows]
    for place, value in zip(table.places, values, strict=True):
        if value not in names:
            raise DataError(
                f"{place}: {facts.label_column!r}: no label {value!r}; write one of "
                f"{', '.join(card.label_names)}, or nothing if the row suits every label"
            )
    return [names[value] for value in values]


def _values(facts: FactTable, table: Table) -> list[dict[str, str]]:
    """Return each row's cells by column, each cell on one line."""
    rows = [{column: clean(row[column]) for column in facts.columns} for row in table.rows]
    for place, row in zip(table.places, rows, strict=True):
        for column, cell in row.items():
            if not fold(cell):
                raise DataError(
                    f"{place}: {column!r} is empty, and the task card names it in {facts.columns[column]}; "
                    "fill it in, or remove the row"
                )
    return rows


def _check_labels(card: TaskCard, rows: Sequence[Fact], origin: str, path: Path) -> None:
    if not rows:
        raise DataError(f"{origin}: facts.path: {path} has no rows; add some, or remove `facts`")
    found = {row["label"] for row in rows}
    missing = [name for name in card.label_names if not found & {name, ""}]
    if missing:
        raise DataError(
            f"{origin}: facts.label_column: no row of {path} suits the label {listed(missing)}; add rows, or "
            "leave the label of some rows empty, which then suit every label"
        )
