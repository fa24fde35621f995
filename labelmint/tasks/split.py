"""Split real rows into training rows, a pool of further rows, and a test set."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labelmint.core.errors import DataError
from labelmint.core.records import Labelled


@dataclass(frozen=True)
class Split:
    """`train` are the labelled rows to work with; the first rows of `pool`, after them, make larger sets.

    Any first rows of `train` and then `pool` have the labels in the shares of the whole.
    """

    train: list[Labelled]
    pool: list[Labelled]
    test: list[Labelled]


def stratified_order(rows: Sequence[Labelled], seed: int) -> list[Labelled]:
    """Shuffle rows so that every prefix has the labels in the shares of the whole, to within one row."""
    draw = random.Random(seed)
    by_label: dict[str, list[Labelled]] = defaultdict(list)
    for row in rows:
        by_label[row["label"]].append(row)
    ranked = [by_label[label] for label in sorted(by_label)]
    for same_label in ranked:
        draw.shuffle(same_label)
    waiting = [iter(same_label) for same_label in ranked]
    return [next(waiting[rank]) for rank in _turns([len(same_label) for same_label in ranked])]


def _turns(sizes: Sequence[int]) -> Iterator[int]:
    """Yield whose turn it is, each as often as its size: of those that are due, the one that can wait least.

    Tijdeman's rule for the chairman assignment problem (1980) is never off by a whole row. Spacing each
    label's rows evenly is off by up to 4.5 with eleven labels, one of which has nine tenths of the rows.
    """
    total, slack = sum(sizes), max(1, 2 * len(sizes) - 2)
    taken = [0] * len(sizes)
    for place in range(1, total + 1):
        behind = [size * place - count * total for size, count in zip(sizes, taken, strict=True)]
        due = [rank for rank, rows in enumerate(behind) if rows * slack >= total]
        turn = min(due, key=lambda rank: (total * (slack - 1) - behind[rank] * slack) / sizes[rank])
        taken[turn] += 1
        yield turn


def split(
    rows: Sequence[Labelled],
    train_rows: int,
    test_rows: int,
    seed: int,
    separate: Sequence[Labelled] | None = None,
) -> Split:
    """Split stratified: the test set from one end of the order, the training rows from the other.

    So another `train_rows` leaves the test set as it is, and training sets are nested.
    If `separate` test rows are given, up to `test_rows` of them are the test set, and no others.

    Raises
    ------
    DataError
        If there are too few rows, or a label would have no training or no test row.
    """
    held_out = test_rows if separate is None else 0
    if len(rows) < held_out + train_rows:
        test_key = f"prepare.test_rows={test_rows} and " if separate is None else ""
        raise DataError(
            f"params.yaml: {test_key}real.rows={train_rows} need {held_out + train_rows} rows, but the "
            f"task's data has {len(rows)}; lower them"
        )
    order = stratified_order(rows, seed)
    test, rest = order[len(order) - held_out :], order[: len(order) - held_out]
    _check_cover(order, train_rows, "real.rows")
    test_order = order[::-1] if separate is None else stratified_order(separate, seed)
    _check_cover(test_order, test_rows, "prepare.test_rows")
    if separate is not None:
        test = test_order[:test_rows]
    return Split(rest[:train_rows], rest[train_rows:], test)


def _check_cover(order: Sequence[Labelled], rows: int, key: str) -> None:
    """Raise `DataError` if the first rows lack a label; none at all are asked for on purpose."""
    part = order[:rows]
    missing = sorted({row["label"] for row in order} - {row["label"] for row in part})
    if not part or not missing:
        return
    places: dict[str, int] = {}
    for place, row in enumerate(order, 1):
        places.setdefault(row["label"], place)
    shown = f"{missing[:8]}" + (f" and {len(missing) - 8} more labels" if len(missing) > 8 else "")
    raise DataError(
        f"params.yaml: {key}: {len(part)} rows hold none of {shown}; raise it to {max(places.values())} or "
        f"more: the task has {len(places)} labels, and each needs a row"
    )


def label_counts(rows: Sequence[Labelled]) -> dict[str, int]:
    """Return the number of rows per label, by label name."""
    return dict(sorted(Counter(row["label"] for row in rows).items()))
