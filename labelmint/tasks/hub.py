"""Read a data set of the Hugging Face hub, or a local folder that the `datasets` library can read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from labelmint.core.errors import DataError
from labelmint.tasks.cards import Source
from labelmint.tasks.tables import Table, as_texts


def load_dataset(
    source: Source, split: str, wanted: Sequence[str], keys: Collection[str], card: str
) -> Table:
    """Read a split of a data set.

    Labels that the data set knows by number and by name are given as the card's `labels` have them.

    Parameters
    ----------
    keys
        The keys of the card's labels.
    card
        What errors call the card.

    Raises
    ------
    DataError
        If the data set, its config or its split can't be had.
    """
    data = _load(source, split, card)
    columns = [name for name in wanted if name in data.column_names]
    rows = data.select_columns(columns).to_list()
    label = str(source.label_column)
    names = getattr(data.features.get(label), "names", None)
    if names and not _by_number(keys, names):
        for row in rows:
            number = row[label]
            # Rows without a label have the number -1, or none.
            row[label] = names[number] if number is not None and 0 <= number < len(names) else number
    return Table(f"{source.dataset}, split {split}", data.column_names, as_texts(rows, columns))


def _by_number(keys: Collection[str], names: Sequence[str]) -> bool:
    return not set(keys) & set(names) and any(key in map(str, range(len(names))) for key in keys)


def _load(source: Source, split: str, card: str) -> Any:
    # Takes a second, which the other kinds of source need not wait for.
    import datasets

    name = str(source.dataset)
    folder = Path(name)
    if not folder.is_dir() and (folder.is_absolute() or len(folder.parts) > 2):
        raise DataError(f"{card}: source.dataset: no folder {name}")
    datasets.disable_progress_bars()
    try:
        if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
            saved = datasets.load_from_disk(name)  # what `save_to_disk` wrote
            if isinstance(saved, datasets.DatasetDict):
                if split not in saved:
                    raise ValueError(f"it has the splits {', '.join(map(str, saved))}")
                return saved[split]
            return saved
        return datasets.load_dataset(name, source.config, split=split)
    except (OSError, ValueError, RuntimeError, ImportError, datasets.exceptions.DatasetsError) as error:
        reason = " ".join(str(error).split())
        if isinstance(error, ConnectionError) or "offline" in (type(error).__name__ + reason).lower():
            remedy = "the hub can't be reached; go online once, or name a local folder"
        else:
            remedy = "check its name, source.config and the split"
        raise DataError(
            f"{card}: source.dataset: can't read {name}, split {split}: {remedy} ({reason})"
        ) from None
