"""Split real rows into training rows, a pool of further rows, and a test set."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labelmint.core.errors import DataError
from labelmint.core.records import Labelled
from labelmint.tasks.cells import short


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
    If `separate` test rows are given, up to `test_rows` of them are the test set, and no others. Raise
    `DataError`, saying what would do, if there are too few rows or a label would have none in a part.
    """
    order = stratified_order(rows, seed)
    if separate is None:
        least = _reach(order) if train_rows else 0, _reach(order[::-1]) if test_rows else 0
        _check_sizes(order, train_rows, test_rows, least)
        test, rest = order[len(order) - test_rows :], order[: len(order) - test_rows]
        return Split(rest[:train_rows], rest[train_rows:], test)
    _check_sizes(order, train_rows, 0, (_reach(order) if train_rows else 0, 0))
    test_order = stratified_order(separate, seed)
    enough = _reach(test_order)
    if 0 < test_rows < enough:
        raise DataError(
            f"params.yaml: prepare.test_rows={test_rows} leaves a label without a test row; say "
            f"prepare.test_rows: {enough}"
        )
    return Split(order[:train_rows], order[train_rows:], test_order[:test_rows])


def _reach(order: Sequence[Labelled]) -> int:
    """Return how many of the first rows it takes to have every label."""
    places: dict[str, int] = {}
    for place, row in enumerate(order, 1):
        places.setdefault(row["label"], place)
    return max(places.values(), default=0)


def _check_sizes(order: Sequence[Labelled], train_rows: int, test_rows: int, least: tuple[int, int]) -> None:
    """Raise `DataError` unless the rows are enough, each part at its `least`; say what would do."""
    total, (least_train, least_test) = len(order), least
    if train_rows + test_rows > total:
        keys = [f"prepare.test_rows={test_rows} and"] if test_rows else []
        problem = " ".join([*keys, f"real.rows={train_rows} need {train_rows + test_rows} rows, but the"])
        problem += f" task's data has {total}"
    elif train_rows < least_train:
        missing = _missing(order, order[:train_rows])
        problem = f"real.rows={train_rows} leaves {missing} without a training row"
    elif test_rows < least_test:
        missing = _missing(order, order[total - test_rows :])
        problem = f"prepare.test_rows={test_rows} leaves {missing} without a test row"
    else:
        return
    if least_train + least_test > total:
        raise DataError(f"params.yaml: {problem}; {_too_rare(order, max(train_rows, least_train))}")
    # Half of too few rows for each part, or more where the other needs less.
    train = min(train_rows, max(total // 2, total - test_rows))
    train = min(max(train, least_train), total - least_test)
    test = min(max(test_rows, least_test), total - train)
    and_test = f" and prepare.test_rows: {test}" if least_test else ""
    raise DataError(f"params.yaml: {problem}; say real.rows: {train}{and_test}")


def _missing(order: Sequence[Labelled], part: Sequence[Labelled]) -> str:
    return listed(sorted({row["label"] for row in order} - {row["label"] for row in part}))


def _too_rare(order: Sequence[Labelled], train_rows: int) -> str:
    """Return what to do about labels that have too few rows for both parts."""
    counts = label_counts(order)
    fewest = max(1, min(counts.values()))
    rare = listed(sorted(label for label, count in counts.items() if count == fewest))
    return (
        f"every label needs rows to train with and rows to test with, and {rare} has only {fewest} of "
        f"{len(order)}: label more rows with it, leave it out of the card's `labels` and its rows out of the "
        f"data (source.where), or say real.rows: {min(train_rows, len(order))} and prepare.test_rows: 0 "
        "(nothing is scored)"
    )


def listed(names: Sequence[str]) -> str:
    """Return the first of names that may be many, and long."""
    shown = ", ".join(map(short, names[:8]))
    return f"{shown} and {len(names) - 8} more labels" if len(names) > 8 else shown


def label_counts(rows: Sequence[Labelled]) -> dict[str, int]:
    """Return the number of rows per label, by label name."""
    return dict(sorted(Counter(row["label"] for row in rows).items()))
