"""Read the labelled rows that a task card points at."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.hashes import sha256
from labelmint.core.quoting import quoted
from labelmint.core.records import Labelled, texts_of
from labelmint.core.words import fold
from labelmint.tasks.cards import Source, TaskCard, card_path
from labelmint.tasks.cells import same_label, short
from labelmint.tasks.folders import load_folder, text_files
from labelmint.tasks.hub import load_dataset
from labelmint.tasks.named_tables import check_file, in_copy, note_if_outside
from labelmint.tasks.split import listed
from labelmint.tasks.tables import LABEL, TEXT, Table, check_columns, load_file
from labelmint.tasks.texts import UsableRows, clean, deduplicate, input_row, key_of

# More labels than these, most of which occur once, may be texts.
_MANY_LABELS = 20


@dataclass(frozen=True)
class RealRows(UsableRows[Labelled]):
    """The usable rows of a source; `left_out` doesn't count `test`."""

    cut: int = 0  # how many rows have a text that was cut
    test: list[Labelled] | None = None  # the rows of a separate test set; None: there is none
    test_left_out: dict[str, int] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)  # the rows' Python package, and its version
    sha256: str = ""  # of a package's or folder's files; "" for tables that the card names, and for data sets


def read_source(card: TaskCard, task: str) -> RealRows:
    """Read, clean, cut and deduplicate the card's rows, in their order; ids are row numbers.

    Raise `DataError` if the file, a column or a label is missing, or a label of the data isn't in the card.
    """
    source = card.source
    if source is None:
        return RealRows([], deduplicate([])[1])
    origin = str(card_path(task))
    test, test_left_out = None, dict[str, int]()
    if source.test_path is not None or source.test_split is not None:
        found = _labelled(card, source, origin, _table(card, source, origin, test=True), "t")
        test, repeated = deduplicate(found.rows)
        test_left_out = {**repeated, **found.left_out}
    found = _labelled(card, source, origin, _table(card, source, origin), "r")
    kept, repeated = deduplicate(found.rows, {key_of(row) for row in test or ()})
    return replace(
        found,
        rows=kept,
        left_out={**repeated, **found.left_out},
        test=test,
        test_left_out=test_left_out,
        packages=_packages(source),
        sha256=_sha256(source, origin),
    )


def _table(card: TaskCard, source: Source, origin: str, *, test: bool = False) -> Table:
    texts = [name for name in (source.text_column, source.pair_column) if name]
    # A column of texts may also say which rows to take.
    values = sorted({str(source.label_column), *source.where} - {*texts})
    if source.dataset is not None:
        if Path(source.dataset).is_dir():
            note_if_outside(Path(source.dataset))
        split = str(source.test_split) if test else source.split
        return load_dataset(source, split, texts, values, card.labels, origin)
    place = _place(source, origin, "test_path" if test else "path")
    if place.is_dir():
        return load_folder(place, source.encoding)
    return load_file(place, source.encoding, texts, values)


def _labelled(card: TaskCard, source: Source, origin: str, table: Table, prefix: str) -> RealRows:
    """Return the table's rows with their labels' names, before they are deduplicated."""
    text, label, pair = source.text_column or TEXT, source.label_column or LABEL, source.pair_column
    named = {"text_column": text, "label_column": label, **({"pair_column": pair} if pair else {})}
    named |= {f"where.{column}": column for column in source.where}
    check_columns(table, {f"{origin}: source.{key}": column for key, column in named.items()})
    same = {column: same_label(values) for column, values in source.where.items()}
    chosen = {
        number: row
        for number, row in enumerate(table.rows)
        if all(same[column](row[column]) in values for column, values in source.where.items())
    }
    label_of = same_label(card.labels)
    labels = {number: label_of(row[label]) for number, row in chosen.items()}
    _check_labels(card, source, origin, table, labels)
    rows, no_label, cut_rows = [], 0, 0
    for number, row in chosen.items():
        texts = [row[column] for column in (text, pair) if column]
        usable = input_row(f"{prefix}{number:06d}", texts, card.excerpt)
        if labels[number] not in card.labels:
            no_label += 1
            continue
        cut_rows += texts_of(usable) != tuple(map(clean, texts))
        rows.append(Labelled(**usable, label=card.labels[labels[number]].name))
    return RealRows(rows, {"no_label": no_label, "where": len(table.rows) - len(chosen)}, cut_rows)


def _place(source: Source, origin: str, key: str = "path") -> Path:
    """Return the path of the card's file or folder, in a package if it names one.

    Raise `DataError` if it is not there, or is a folder without labels' folders.
    """
    root = Path() if source.package is None else _package(source.package, origin)
    if source.folder is not None:
        path = root / source.folder
        if not path.is_dir():
            raise DataError(f"{origin}: source.folder: no folder {path}{in_copy(path)}")
        if not text_files(path):
            raise DataError(
                f"{origin}: source.folder: {path} must have one sub-folder of .txt files per label"
            )
    elif source.file is not None:
        path = root / source.file
        if not path.is_file():
            raise DataError(f"{origin}: source.file: package {source.package} has no file {source.file}")
    else:
        path = Path(getattr(source, key))
        check_file(path, f"{origin}: source.{key}", "; a folder goes under `folder` or `dataset`")
    return path


def _package(name: str, origin: str) -> Path:
    folder = paths.package_folder(name)
    if folder is None:
        raise DataError(
            f"{origin}: source.package: {name} is not installed; "
            "add it to pyproject.toml and run `make setup`"
        )
    return folder


def _packages(source: Source) -> dict[str, str]:
    if source.package is None:
        return {}
    module = source.package.partition(".")[0]
    names = metadata.packages_distributions().get(module, [])
    return {name: metadata.version(name) for name in sorted(set(names))}


def _sha256(source: Source, origin: str) -> str:
    """Hash rows that the card doesn't name as a file, so that metrics/prepare.json tells when they change."""
    if source.package is None and source.folder is None:
        return ""
    place = _place(source, origin)
    return sha256(*(text_files(place) if place.is_dir() else [place]))


def _check_labels(
    card: TaskCard, source: Source, origin: str, table: Table, labels: Mapping[int, str]
) -> None:
    """Raise `DataError` if the card and the data, with these labels by row, don't have the same ones."""
    counts = Counter(label for label in labels.values() if label or label in card.labels)
    shown = ", ".join(f"{short(label)} ({count})" for label, count in counts.most_common(8))
    shown += f" and {len(counts) - 8} more" if len(counts) > 8 else ""
    if not counts:
        taken = f"{len(labels)} of its {len(table.rows)} rows are taken"
        taken += " (source.where)" if source.where else ""
        raise DataError(f"{origin}: labels: no row of {table.origin} has a label; {taken}")
    hint = ""
    if source.label_column and len(counts) > max(_MANY_LABELS, 0.9 * counts.total()):
        hint = f"; is {source.label_column!r} (source.label_column) the column of the texts?"
    unused = [label for label in card.labels if label not in counts]
    unknown = [label for label in counts if label not in card.labels]
    if unused:
        near = [label for label in unknown if fold(label) == fold(unused[0])]
        near = near or difflib.get_close_matches(unused[0], unknown, n=1)
        exact = f", {quoted(near[0])}" if near else ", or remove it from the card"
        remedy = f"write it as the data has it{exact}"
        raise DataError(
            f"{origin}: labels: no row of {table.origin} is labelled {listed(unused)}; the data has {shown}; "
            f"{remedy}{hint}"
        )
    if unknown:
        number = next(number for number, label in labels.items() if label == unknown[0])
        first = f" (the first: {table.places[number]})"
        remedy = "move its folder away"
        if not source.folder:
            where = f"where: {{{source.label_column}: {json.dumps(list(card.labels), ensure_ascii=False)}}}"
            remedy = f"leave these rows out: in `source`, {where}"
            near = [label for label in card.labels if fold(label) == fold(unknown[0])]
            remedy += f"; if it is {quoted(near[0])}, write it so in the data" if near else ""
        raise DataError(
            f"{origin}: labels: {table.origin} has rows labelled {listed(unknown)}{first}, which the card "
            f"does not name; add the label, or {remedy}{hint}"
        )
