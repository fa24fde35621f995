"""Read a data set of the Hugging Face hub, or a local folder that the `datasets` library can read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from labelmint.core.errors import DataError, of_the_machine
from labelmint.tasks.cards import Source
from labelmint.tasks.lines import UTF_8
from labelmint.tasks.tables import OpenTable, Table, in_memory, load_file


def load_dataset(
    source: Source, split: str, texts: Sequence[str], values: Sequence[str], keys: Collection[str], card: str
) -> Table:
    """Read a split of a data set, and of it the columns `texts` and `values`; see `load_file`.

    Labels that the data set knows by number and by name are given as the card has them, by its `keys`. Raise
    `DataError`, which names the `card`, if the data set, its config or its split can't be had, or a cell is
    wrong.
    """
    data = _load(source, split, card)
    origin = f"{source.dataset}, split {split}"
    if isinstance(data, list):
        tables = [load_file(path, UTF_8, texts, values, None) for path in data]
        columns = list(dict.fromkeys(name for table in tables for name in table.columns))
        rows = [row for table in tables for row in table.rows]
        return Table(origin, columns, rows, [place for table in tables for place in table.places])
    wanted = [name for name in (*texts, *values) if name in data.column_names]
    content = data.select_columns(wanted).to_list()
    label = str(source.label_column)
    names: Sequence[str] = getattr(data.features.get(label), "names", None) or ()
    by_number = not set(keys) & set(names) and any(key in map(str, range(len(names))) for key in keys)
    for row in content if names else ():
        # Rows without a label have the number -1, or none.
        number = row[label] if row[label] is not None and 0 <= row[label] < len(names) else None
        row[label] = number if number is None or by_number else names[number]
    return in_memory(
        OpenTable(origin, data.column_names, enumerate(content, 1), by_line=False), texts, values
    )


def _load(source: Source, split: str, card: str) -> Any:
    """Return a data set, or the paths of its files if they are CSV or JSON in a local folder.

    Those are read like all others: the library takes a text NA for a missing one, and a label 007 for 7.
    """
    # Takes a second, which the other kinds of source need not wait for.
    import datasets

    name = str(source.dataset)
    folder = Path(name)
    if not folder.is_dir() and (folder.is_absolute() or len(folder.parts) > 2):
        remedy = "; a file goes under `path`" if folder.is_file() else ""
        raise DataError(f"{card}: source.dataset: no folder {name}{remedy}")
    datasets.disable_progress_bars()
    try:
        if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
            return _saved(datasets.load_from_disk(name), split)  # what `save_to_disk` wrote
        if folder.is_dir():
            builder = datasets.load_dataset_builder(name, source.config)
            if builder.name in ("csv", "json") and builder.info.features is None:
                return [Path(file) for file in _split_of(builder.config.data_files, split)]
        return datasets.load_dataset(name, source.config, split=split)
    except (
        *(OSError, ValueError, RuntimeError, ImportError, datasets.exceptions.DatasetsError),
        *(LookupError, TypeError, AttributeError),  # what damaged and empty folders end in
    ) as error:
        if of_the_machine(error):
            raise
        reason = " ".join(str(error).split())
        if isinstance(error, ConnectionError) or "offline" in (type(error).__name__ + reason).lower():
            remedy = "the hub can't be reached; go online once, or name a local folder"
        elif "disk space" in reason:  # of datasets, which looks before it writes
            remedy = "free some space, or let HF_HOME name a folder on another disk"
        else:
            remedy = "check its name, source.config and the split"
        raise DataError(
            f"{card}: source.dataset: can't read {name}, split {split}: {remedy} ({reason})"
        ) from None


def _saved(saved: Any, split: str) -> Any:
    """Return the split of what `save_to_disk` wrote, which may be one without others."""
    if isinstance(saved, dict):
        return _split_of(saved, split)
    # One that was made from a table has no name.
    if split != str(saved.split or "train"):
        raise ValueError(f"it has the split {saved.split or 'train'} alone")
    return saved


def _split_of(splits: Any, split: str) -> Any:
    if split not in splits:
        raise ValueError(f"it has the splits {', '.join(map(str, splits))}")
    return splits[split]
