"""Read the table of facts that a task card names: slot values, products, glossary entries, triples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labelmint.core.errors import DataError
from labelmint.core.records import Fact
from labelmint.core.words import fold
from labelmint.tasks.cards import FactTable, TaskCard, card_path
from labelmint.tasks.named_tables import labels_or_none, named_table
from labelmint.tasks.split import listed
from labelmint.tasks.tables import Table
from labelmint.tasks.texts import UsableRows, clean


def read_facts(card: TaskCard, task: str) -> UsableRows[Fact]:
    """Read the card's table of facts in its order, without repeated rows; there are none without a table.

    Raise `DataError` if the file or a column is missing, a cell is empty or names no label, or a label has no
    row.
    """
    if card.facts is None:
        return UsableRows([], {})
    origin, path, label_column = str(card_path(task)), Path(card.facts.path), card.facts.label_column
    columns = {column: f"{origin}: {key}" for column, key in card.facts.columns.items()}
    if label_column is not None:
        columns.setdefault(label_column, f"{origin}: facts.label_column")
    table = named_table(path, f"{origin}: facts.path", {}, columns, card.facts.encoding, "facts.encoding")
    labels = [""] * len(table.rows)
    if label_column is not None:
        labels = labels_or_none(card, table, label_column, " if the row suits every label")
    pairs = zip(labels, _values(card.facts, table), strict=True)
    facts = [Fact(label=label, values=values) for label, values in pairs]
    seen: dict[tuple[str, ...], Fact] = {}
    for fact in facts:
        seen.setdefault((fact["label"], *fact["values"].values()), fact)
    rows = [*seen.values()]
    _check_labels(card, rows, origin, path)
    return UsableRows(rows, {"repeated": len(facts) - len(rows)})


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
