"""Read the labelled rows that a task card points at."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import Labelled
from labelmint.tasks.cards import Source, TaskCard, card_path
from labelmint.tasks.hub import read_dataset
from labelmint.tasks.tables import LABEL, TEXT, Table, read_file, read_folder
from labelmint.tasks.texts import clean, cut, deduplicate, key_of


@dataclass(frozen=True)
class Reading:
    """The usable rows of a source, how many were left out and why, and how many texts were cut.

    `test` holds the rows of a separate test set, None if there is none; the numbers don't count them.
    """

    rows: list[Labelled]
    left_out: dict[str, int]
    cut: int = 0
    test: list[Labelled] | None = None


def read_source(card: TaskCard, task: str) -> Reading:
    """Read, clean, cut and deduplicate the card's rows, in their order; ids are row numbers.

    Raises
    ------
    DataError
        If the file, a column or a label is missing, or a label of the data isn't in the card.
    """
    source = card.source
    if source is None:
        return Reading([], deduplicate([])[1])
    test = None
    if source.test_path is not None or source.test_split is not None:
        test = deduplicate(_labelled(card, task, _table(card, source, task, test=True), "t")[0])[0]
    rows, count = _labelled(card, task, _table(card, source, task), "r")
    kept, left_out = deduplicate(rows, {key_of(row) for row in test or ()})
    return Reading(kept, left_out, count, test)


def _table(card: TaskCard, source: Source, task: str, *, test: bool = False) -> Table:
    wanted = [source.text_column, source.pair_column, source.label_column, *source.where]
    names = list(dict.fromkeys(name for name in wanted if name is not None))
    if source.dataset is not None:
        split = str(source.test_split) if test else source.split
        if Path(source.dataset).is_dir():
            _note_if_outside(Path(source.dataset))
        return read_dataset(source, split, names, card.labels, str(card_path(task)))
    if source.folder is not None:
        return read_folder(_folder(source, task), source.encoding)
    return read_file(_file(source, task, test=test), source.encoding, names)


def _labelled(card: TaskCard, task: str, table: Table, prefix: str) -> tuple[list[Labelled], int]:
    """Return the rows of a table with their labels' names, and how many texts were cut."""
    source = card.source
    assert source is not None
    text, label, pair = source.text_column or TEXT, source.label_column or LABEL, source.pair_column
    named = [("text_column", text), ("label_column", label), *([("pair_column", pair)] if pair else [])]
    for key, column in [*named, *((f"where.{column}", column) for column in source.where)]:
        if column not in table.columns:
            raise DataError(
                f"{card_path(task)}: source.{key}: {table.origin} has no column {column!r}; "
                f"it has {', '.join(table.columns) or 'no columns'}"
            )
    frame = table.frame
    for column, value in source.where.items():
        frame = frame[frame[column] == value]
    _check_labels(card, task, table.origin, Counter(frame[label]))
    rows, count = [], 0
    for number, *texts, own in zip(
        frame.index, *(frame[column] for column in (text, pair) if column), frame[label], strict=True
    ):
        whole = [clean(part) for part in texts]
        parts = [cut(part, card.excerpt) for part in whole]
        count += parts != whole
        row = Labelled(id=f"{prefix}{number:06d}", text=parts[0], label=card.labels[own].name)
        rows.append(Labelled(**{**row, "text_pair": parts[1]}) if pair else row)  # type: ignore[typeddict-item]
    return rows, count


def _file(source: Source, task: str, *, test: bool) -> Path:
    """Return the path of the card's file, or of its test rows' file; raise `DataError` if it's not there."""
    if source.package is None:
        key = "test_path" if test else "path"
        path = Path(getattr(source, key))
        if not path.is_file():
            raise DataError(f"{card_path(task)}: source.{key}: no file {path}")
        _note_if_outside(path)
        return path
    path = _package(source.package, task) / str(source.file)
    if not path.is_file():
        raise DataError(f"{card_path(task)}: source.file: package {source.package} has no file {source.file}")
    return path


def _folder(source: Source, task: str) -> Path:
    """Return the path of the card's folder; raise `DataError` if it holds no labels' folders."""
    folder = Path(str(source.folder))
    if source.package is not None:
        folder = _package(source.package, task) / folder
    if not folder.is_dir():
        raise DataError(f"{card_path(task)}: source.folder: no folder {folder}")
    if source.package is None:
        _note_if_outside(folder)
    if not any(folder.glob("*/*.txt")):
        raise DataError(
            f"{card_path(task)}: source.folder: {folder} must have one sub-folder of .txt files per label"
        )
    return folder


def _package(name: str, task: str) -> Path:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # the package around it is missing; no name at all
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            f"{card_path(task)}: source.package: {name} is not installed; add it to "
            "pyproject.toml and run `make setup`"
        )
    return Path(spec.submodule_search_locations[0])


def _note_if_outside(path: Path) -> None:
    if paths.RAW.resolve() not in path.resolve().parents:
        print(
            f"prepare: note: {path} is outside {paths.RAW}, so DVC doesn't see when it changes; put it there",
            file=sys.stderr,
        )


def _check_labels(card: TaskCard, task: str, origin: str, found: Counter[str]) -> None:
    seen = ", ".join(f"{label!r} ({count})" for label, count in found.most_common(8)) or "no rows"
    seen += f" and {len(found) - 8} more" if len(found) > 8 else ""
    for label in card.labels:
        if label not in found:
            raise DataError(
                f"{card_path(task)}: labels: no row of {origin} is labelled {label!r}; the data has {seen}"
            )
    for label in found:
        if label not in card.labels:
            remedy = (
                "or move its folder away"
                if card.source and card.source.folder
                else ("or leave these rows out with source.where")
            )
            raise DataError(
                f"{card_path(task)}: labels: {origin} has rows labelled {label!r}, which the card does not "
                f"name; add the label, {remedy}"
            )
