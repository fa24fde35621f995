"""Read rows that were labelled later, such as the texts that `labelmint next` chose.

They are chosen for being hard, so that a score on them would say nothing of ordinary texts: they are always
training rows, never test rows.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from labelmint.core.formulas import of_cell
from labelmint.core.records import Labelled
from labelmint.tasks.cards import TaskCard, card_path
from labelmint.tasks.named_tables import labels_or_none, named_table
from labelmint.tasks.texts import Key, UsableRows, deduplicate, input_row, key_of


def read_later(
    card: TaskCard, task: str, train: Collection[Key], test: Collection[Key]
) -> UsableRows[Labelled]:
    """Read the card's `labelled_later` files, in their order; ids are row numbers.

    Rows without a label, and those with a text of the training or test rows, are left out. Raise `DataError`
    if a file or column is missing, or a label isn't in the card.
    """
    rows: list[Labelled] = []
    for name in card.labelled_later:
        rows += _rows(card, f"{card_path(task)}: labelled_later", Path(name), len(rows))
    labelled = [row for row in rows if row["label"]]
    usable, left_out = deduplicate(labelled, test)
    new = [row for row in usable if key_of(row) not in train]
    counts = {"no_label": len(rows) - len(labelled), **left_out, "in_train": len(usable) - len(new)}
    return UsableRows(new, counts if card.labelled_later else {})


def _rows(card: TaskCard, key: str, path: Path, first: int) -> list[Labelled]:
    """Return a file's rows, with the label's name, or "" where none was filled in."""
    columns = ["text", *(["text_pair"] if card.pairs else [])]
    table = named_table(path, key, dict.fromkeys(columns, key), {"label": key})
    rows = []
    for number, label in enumerate(labels_or_none(card, table, "label")):
        texts = [of_cell(table.rows[number][column]) for column in columns]
        rows.append(Labelled(**input_row(f"n{first + number:06d}", texts, card.excerpt), label=label))
    return rows
