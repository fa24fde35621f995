"""Read the labelled rows that a task card points at."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import Input, Labelled, texts_of
from labelmint.tasks.cards import Source, TaskCard, card_path
from labelmint.tasks.hub import load_dataset
from labelmint.tasks.tables import LABEL, TEXT, Table, check_columns, load_file, load_folder
from labelmint.tasks.texts import clean, deduplicate, input_row, key_of


@dataclass(frozen=True)
class RealRows:
    """The usable rows of a source.

    Attributes
    ----------
    left_out
        How many rows were left out, by reason; `test` is not counted.
    cut
        How many rows have a text that was cut.
    test
        The rows of a separate test set; None: there is none.
    packages
        The version of the Python package that the rows are from, by its name.
    sha256
        Of the source's file, or of the files of its folder; "" for data sets.
    """

    rows: list[Labelled]
    left_out: dict[str, int]
    cut: int = 0
    test: list[Labelled] | None = None
    packages: dict[str, str] = field(default_factory=dict)
    sha256: str = ""


def read_source(card: TaskCard, task: str) -> RealRows:
    """Read, clean, cut and deduplicate the card's rows, in their order; ids are row numbers.

    Raises
    ------
    DataError
        If the file, a column or a label is missing, or a label of the data isn't in the card.
    """
    source = card.source
    if source is None:
        return RealRows([], deduplicate([])[1])
    origin = str(card_path(task))
    test = None
    if source.test_path is not None or source.test_split is not None:
        test_rows = _labelled(card, source, origin, _table(card, source, origin, test=True), "t")[0]
        test = deduplicate(test_rows)[0]
    rows, cut_rows = _labelled(card, source, origin, _table(card, source, origin), "r")
    kept, left_out = deduplicate(rows, {key_of(row) for row in test or ()})
    return RealRows(kept, left_out, cut_rows, test, _packages(source), _sha256(source, origin))


@dataclass(frozen=True)
class UnlabelledRows:
    """Texts without labels, how many rows were left out by reason, and the file's SHA-256."""

    rows: list[Input]
    left_out: dict[str, int]
    sha256: str


def read_unlabelled(card: TaskCard, task: str, known: Iterable[Input]) -> UnlabelledRows:
    """Read, clean, cut and deduplicate the card's texts without labels; ids are row numbers.

    Rows with the texts of `known` ones, the labelled rows, are left out.

    Raises
    ------
    DataError
        If the file or a column is missing.
    """
    source = card.unlabelled
    if source is None:
        return UnlabelledRows([], {}, "")
    origin, path = str(card_path(task)), Path(source.path)
    if not path.is_file():
        raise DataError(f"{origin}: unlabelled.path: no file {path}")
    note_if_outside(path)
    columns = {"text_column": source.text_column}
    if source.pair_column is not None:
        columns["pair_column"] = source.pair_column
    table = load_file(path, source.encoding, [*columns.values()], "unlabelled.encoding")
    check_columns(table, {f"{origin}: unlabelled.{key}": column for key, column in columns.items()})
    seen, reasons, rows = {key_of(row) for row in known}, Counter[str](), []
    for number, values in enumerate(table.rows):
        row = input_row(f"u{number:06d}", [values[column] for column in columns.values()], card.excerpt)
        reason = "empty" if not all(texts_of(row)) else "repeated" if key_of(row) in seen else None
        if reason:
            reasons[reason] += 1
        else:
            seen.add(key_of(row))
            rows.append(row)
    return UnlabelledRows(rows, dict(sorted(reasons.items())), hashlib.sha256(path.read_bytes()).hexdigest())


def _table(card: TaskCard, source: Source, origin: str, *, test: bool = False) -> Table:
    columns = [source.text_column, source.pair_column, source.label_column, *source.where]
    wanted = list(dict.fromkeys(name for name in columns if name is not None))
    if source.dataset is not None:
        if Path(source.dataset).is_dir():
            note_if_outside(Path(source.dataset))
        split = str(source.test_split) if test else source.split
        return load_dataset(source, split, wanted, card.labels, origin)
    place = _place(source, origin, "test_path" if test else "path")
    if source.package is None:
        note_if_outside(place)
    if place.is_dir():
        return load_folder(place, source.encoding)
    return load_file(place, source.encoding, wanted)


def _labelled(
    card: TaskCard, source: Source, origin: str, table: Table, prefix: str
) -> tuple[list[Labelled], int]:
    """Return the rows of a table with their labels' names, and how many have a text that was cut."""
    text, label, pair = source.text_column or TEXT, source.label_column or LABEL, source.pair_column
    named = {"text_column": text, "label_column": label, **({"pair_column": pair} if pair else {})}
    named |= {f"where.{column}": column for column in source.where}
    check_columns(table, {f"{origin}: source.{key}": column for key, column in named.items()})
    chosen = [
        (number, row)
        for number, row in enumerate(table.rows)
        if all(row[column] == value for column, value in source.where.items())
    ]
    _check_labels(card, source, origin, table.origin, Counter(row[label] for _, row in chosen))
    rows, cut_rows = [], 0
    for number, row in chosen:
        texts = [row[column] for column in (text, pair) if column]
        usable = input_row(f"{prefix}{number:06d}", texts, card.excerpt)
        cut_rows += texts_of(usable) != tuple(map(clean, texts))
        rows.append(Labelled(**usable, label=card.labels[row[label]].name))
    return rows, cut_rows


def _place(source: Source, origin: str, key: str = "path") -> Path:
    """Return the path of the card's file or folder, in a package if it names one.

    Raises
    ------
    DataError
        If it is not there, or is a folder without labels' folders.
    """
    if source.package is not None:
        key = "file" if source.folder is None else "folder"
    elif source.folder is not None:
        key = "folder"
    name = getattr(source, key)
    path = _package(source.package, origin) / name if source.package is not None else Path(name)
    if key == "folder":
        if not path.is_dir():
            raise DataError(f"{origin}: source.folder: no folder {path}")
        if not any(path.glob("*/*.txt")):
            raise DataError(
                f"{origin}: source.folder: {path} must have one sub-folder of .txt files per label"
            )
    elif not path.is_file():
        what = f"no file {path}" if key != "file" else f"package {source.package} has no file {name}"
        raise DataError(f"{origin}: source.{key}: {what}")
    return path


def _package(name: str, origin: str) -> Path:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # the package around it is missing; no name at all
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            f"{origin}: source.package: {name} is not installed; "
            "add it to pyproject.toml and run `make setup`"
        )
    return Path(spec.submodule_search_locations[0])


def _packages(source: Source) -> dict[str, str]:
    if source.package is None:
        return {}
    module = source.package.partition(".")[0]
    names = metadata.packages_distributions().get(module, [])
    return {name: metadata.version(name) for name in sorted(set(names))}


def _sha256(source: Source, origin: str) -> str:
    """Hash the source's files, so that metrics/prepare.json tells other data from the same."""
    if source.dataset is not None:
        return ""
    place, digest = _place(source, origin), hashlib.sha256()
    for file in sorted(place.glob("*/*.txt")) if place.is_dir() else [place]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def note_if_outside(path: Path) -> None:
    """Print that DVC doesn't watch a file, unless it is in data/raw."""
    if paths.RAW.resolve() not in path.resolve().parents:
        print(
            f"prepare: note: {path} is outside {paths.RAW}, so DVC doesn't see when it changes; put it there",
            file=sys.stderr,
        )


def _check_labels(card: TaskCard, source: Source, origin: str, table: str, counts: Counter[str]) -> None:
    listed = ", ".join(f"{label!r} ({count})" for label, count in counts.most_common(8)) or "no rows"
    listed += f" and {len(counts) - 8} more" if len(counts) > 8 else ""
    for label in card.labels:
        if label not in counts:
            raise DataError(
                f"{origin}: labels: no row of {table} is labelled {label!r}; the data has {listed}"
            )
    for label in counts:
        if label not in card.labels:
            remedy = "move its folder away" if source.folder else "leave these rows out with source.where"
            raise DataError(
                f"{origin}: labels: {table} has rows labelled {label!r}, which the card does not name; "
                f"add the label, or {remedy}"
            )
