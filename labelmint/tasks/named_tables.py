"""Read the tables that a task card names beside its source: texts to label, rows labelled later, facts."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.formulas import of_cell
from labelmint.core.words import fold
from labelmint.tasks.cards import TaskCard
from labelmint.tasks.cells import same_label
from labelmint.tasks.lines import UTF_8, note
from labelmint.tasks.tables import Table, check_columns, load_file


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
    check_file(path, key)
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
