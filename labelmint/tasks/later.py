"""Read rows that were labelled later, such as the texts that `labelmint next` chose.

They are chosen for being hard, so that a score on them would say nothing of ordinary texts: they are always
training rows, never test rows.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from labelmint.core.errors import DataError
from labelmint.core.formulas import of_cell
from labelmint.core.records import Labelled
from labelmint.tasks.cards import TaskCard, card_path
from labelmint.tasks.cells import same_label
from labelmint.tasks.lines import UTF_8
from labelmint.tasks.source import RealRows, check_file
from labelmint.tasks.tables import Table, check_columns, load_file
from labelmint.tasks.texts import Key, deduplicate, input_row, key_of


def read_later(card: TaskCard, task: str, train: Collection[Key], test: Collection[Key]) -> RealRows:
    """Read the card's `labelled_later` files, in their order; ids are row numbers.

    Rows without a label, and those with a text of the training or test rows, are left out. Raise `DataError`
    if a file or column is missing, or a label isn't in the card.
    """
    rows: list[Labelled] = []
    for name in card.labelled_later:
        rows += _rows(card, _table(card, task, Path(name)), len(rows))
    labelled = [row for row in rows if row["label"]]
    usable, left_out = deduplicate(labelled, test)
    new = [row for row in usable if key_of(row) not in train]
    counts = {"no_label": len(rows) - len(labelled), **left_out, "in_train": len(usable) - len(new)}
    return RealRows(new, counts if card.labelled_later else {})


def _table(card: TaskCard, task: str, path: Path) -> Table:
    origin = f"{card_path(task)}: labelled_later"
    check_file(path, origin)
    texts = ["text", *(["text_pair"] if card.pairs else [])]
    table = load_file(path, UTF_8, texts, ["label"], None)
    for column in (*texts, "label"):
        check_columns(table, {origin: column})
    return table


def _rows(card: TaskCard, table: Table, first: int) -> list[Labelled]:
    """Return a table's rows, with the label's name, or "" where none was filled in."""
    names = {"": "", **card.names_by_value}  # "" is a row that was skipped
    label_of = same_label(names)
    rows = []
    for number, values in enumerate(table.rows):
        label = label_of(of_cell(values["label"]))
        if label not in names:
            raise DataError(
                f"{table.places[number]}: no label {label!r}; write one of "
                f"{', '.join(card.label_names)}, or nothing"
            )
        texts = [of_cell(values[column]) for column in ("text", "text_pair")[: 1 + card.pairs]]
        row = input_row(f"n{first + number:06d}", texts, card.excerpt)
        rows.append(Labelled(**row, label=names[label]))
    return rows
