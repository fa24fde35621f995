"""Read the tables that a task card names beside its source: texts to label, rows labelled later, facts."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.formulas import of_cell
from labelmint.core.records import Fact, Input, Labelled
from labelmint.core.words import fold
from labelmint.tasks.cards import FactTable, TaskCard, card_path
from labelmint.tasks.cells import same_label
from labelmint.tasks.lines import UTF_8, note
from labelmint.tasks.split import listed
from labelmint.tasks.tables import Table, check_columns, load_file
from labelmint.tasks.texts import Key, UsableRows, clean, deduplicate, input_row, key_of


def read_unlabelled(card: TaskCard, task: str, known: Iterable[Input]) -> UsableRows[Input]:
    """Read, clean, cut and deduplicate the card's texts without labels; ids are row numbers.

    Rows with the texts of `known` ones, the labelled rows, are left out. Raise `DataError` if the file or a
    column is missing.
    """
    source = card.unlabelled
    if source is None:
        return UsableRows([], {})
    origin, path = f"{card_path(task)}: unlabelled", Path(source.path)
    columns = {source.text_column: f"{origin}.text_column"}
    if source.pair_column is not None:
        columns[source.pair_column] = f"{origin}.pair_column"
    table = named_table(path, f"{origin}.path", columns, {}, source.encoding, "unlabelled.encoding")
    rows = [
        input_row(f"u{number:06d}", [values[column] for column in columns], card.excerpt)
        for number, values in enumerate(table.rows)
    ]
    kept, left_out = deduplicate(rows, {key_of(row) for row in known})
    empty = left_out["empty"]
    return UsableRows(kept, {"empty": empty, "repeated": len(rows) - len(kept) - empty})


def read_later(
    card: TaskCard, task: str, train: Collection[Key], test: Collection[Key]
) -> UsableRows[Labelled]:
    """Read the card's `labelled_later` files, in their order; ids are row numbers.

    Their texts were chosen for being hard, so that a score on them would say nothing of ordinary texts: they
    are always training rows, never test rows.

    Rows without a label, and those with a text of the training or test rows, are left out. Raise `DataError`
    if a file or column is missing, or a label isn't in the card.
    """
    rows: list[Labelled] = []
    for name in card.labelled_later:
        rows += _later_rows(card, f"{card_path(task)}: labelled_later", Path(name), len(rows))
    labelled = [row for row in rows if row["label"]]
    usable, left_out = deduplicate(labelled, test)
    new = [row for row in usable if key_of(row) not in train]
    counts = {"no_label": len(rows) - len(labelled), **left_out, "in_train": len(usable) - len(new)}
    return UsableRows(new, counts if card.labelled_later else {})


def _later_rows(card: TaskCard, key: str, path: Path, first: int) -> list[Labelled]:
    """Return a file's rows, with the label's name, or "" where none was filled in."""
    columns = ["text", *(["text_pair"] if card.pairs else [])]
    table = named_table(path, key, dict.fromkeys(columns, key), {"label": key})
    rows = []
    for number, label in enumerate(labels_or_none(card, table, "label")):
        texts = [of_cell(table.rows[number][column]) for column in columns]
        rows.append(Labelled(**input_row(f"n{first + number:06d}", texts, card.excerpt), label=label))
    return rows


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
    pairs = zip(labels, _fact_values(card.facts, table), strict=True)
    facts = [Fact(label=label, values=values) for label, values in pairs]
    seen: dict[tuple[str, ...], Fact] = {}
    for fact in facts:
        seen.setdefault((fact["label"], *fact["values"].values()), fact)
    rows = [*seen.values()]
    _check_facts(card, rows, origin, path)
    return UsableRows(rows, {"repeated": len(facts) - len(rows)})


def _fact_values(facts: FactTable, table: Table) -> list[dict[str, str]]:
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


def _check_facts(card: TaskCard, rows: Sequence[Fact], origin: str, path: Path) -> None:
    if not rows:
        raise DataError(f"{origin}: facts.path: {path} has no rows; add some, or remove `facts`")
    found = {row["label"] for row in rows}
    missing = [name for name in card.label_names if not found & {name, ""}]
    if missing:
        raise DataError(
            f"{origin}: facts.label_column: no row of {path} suits the label {listed(missing)}; add rows, or "
            "leave the label of some rows empty, which then suit every label"
        )


def named_table(
    path: Path,
    key: str,
    texts: Mapping[str, str],
    values: Mapping[str, str],
    encoding: str = UTF_8,
    encoding_key: str | None = None,
) -> Table:
    """Read a file with these columns, each with the card's key that names it; see `load_file`.

    `key` names the file, and columns of fixed names. Raise `DataError` if it or a column is missing, or a
    cell is none.
    """
    check_file(path, key, "; name one file: .csv, .jsonl, or .txt with a text a line")
    table = load_file(path, encoding, [*texts], [*values], encoding_key)
    for column, names_it in (*texts.items(), *values.items()):
        fixed = names_it == key
        check_columns(table, {names_it: column}, f"rename {{}} to {column}" if fixed else "write {}")
    return table


def labels_or_none(card: TaskCard, table: Table, column: str, meaning: str = "") -> list[str]:
    """Return the name of each row's label, "" where there is none; `meaning` says what that means.

    Spreadsheets write a capital where a cell begins, so capitals count only where they tell labels apart.
    """
    names = {"": "", **card.names_by_value}
    folded: dict[str, set[str]] = {}
    for value, name in names.items():
        folded.setdefault(fold(value), set()).add(name)
    label_of = same_label(names)
    found: list[str] = []
    for place, row in zip(table.places, table.rows, strict=True):
        label = label_of(of_cell(row[column]))
        alike = {names[label]} if label in names else folded.get(fold(label), set())
        if len(alike) != 1:
            raise DataError(
                f"{place}: {column!r}: no label {label!r}; write one of {', '.join(card.label_names)}, or "
                f"nothing{meaning}"
            )
        found += alike
    return found


def check_file(path: Path, origin: str, remedy: str = "") -> None:
    """Raise `DataError` if there is no file; print a note if DVC doesn't watch it."""
    if not path.is_file():
        what = (
            f"{path} is a folder, not a file{remedy}" if path.is_dir() else f"no file {path}{in_copy(path)}"
        )
        raise DataError(f"{origin}: {what}")
    note_if_outside(path)


def in_copy(path: Path) -> str:
    """Return what to do where DVC runs an experiment in a copy, which has only what git tracks."""
    if ".dvc/tmp/exps" not in Path.cwd().as_posix():
        return ""
    name = shlex.quote(str(path))
    return f"; this run is in a copy of what git tracks: `git add {name}`, or add `--copy-paths {name}`"


def note_if_outside(path: Path) -> None:
    """Print that DVC doesn't watch a file, unless it is in data/raw."""
    if paths.RAW.resolve() not in path.resolve().parents:
        note(f"{path} is outside {paths.RAW}, so DVC doesn't see when it changes; put it there")
