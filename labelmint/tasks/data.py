"""All rows of a task: its real rows split, those labelled later, and the texts to label."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from labelmint.core.errors import DataError
from labelmint.core.params import Params
from labelmint.core.records import Fact, Input, Labelled, input_of
from labelmint.tasks.cards import TaskCard, card_path
from labelmint.tasks.named_tables import read_facts, read_later, read_unlabelled
from labelmint.tasks.source import RealRows, read_source
from labelmint.tasks.split import Split, listed, split
from labelmint.tasks.texts import UsableRows, key_of


@dataclass(frozen=True)
class TaskData:
    """The rows of a task."""

    source: RealRows  # the usable rows of the card's source, before they are split
    split: Split  # its training rows end with those labelled later, which its pool doesn't have
    later: UsableRows[Labelled]
    unlabelled: UsableRows[Input]  # the texts to label: the card's, or those of the pool
    facts: UsableRows[Fact]


def read_task(params: Params, card: TaskCard) -> TaskData:
    """Read and split the rows that the card points at; raise `DataError` naming file, row and remedy."""
    if card.source is None and params.real.rows:
        raise DataError(
            f"{card_path(params.task)}: without a `source` there are no real rows; say real.rows: 0 and "
            "arms: {synthetic: {synthetic: all}} in params.yaml"
        )
    source = read_source(card, params.task)
    gone = sorted(set(card.label_names) - {row["label"] for row in source.rows}) if card.source else []
    if gone:
        counts = ", ".join(f"{count} {reason}" for reason, count in source.left_out.items() if count)
        raise DataError(
            f"{card_path(params.task)}: labels: no usable row is labelled {listed(gone)}; "
            f"left out are {counts}"
        )
    # Without a source there is nothing to test with, whatever prepare.test_rows says.
    test_rows = params.prepare.test_rows if card.source else 0
    parts = split(source.rows, params.real.rows, test_rows, params.prepare.seed, source.test)
    in_test = {key_of(row) for row in [*parts.test, *(source.test or ())]}
    later = read_later(card, params.task, {key_of(row) for row in parts.train}, in_test)
    labelled = {key_of(row) for row in later.rows}
    pool = [row for row in parts.pool if key_of(row) not in labelled]
    parts = replace(parts, train=[*parts.train, *later.rows], pool=pool)
    known = [*source.rows, *(source.test or ()), *later.rows]
    texts = read_unlabelled(card, params.task, known)
    rows = [input_of(row) for row in (texts.rows if card.unlabelled else pool)]
    if card.unlabelled:  # files are often sorted
        random.Random(f"{params.prepare.seed}:unlabelled").shuffle(rows)
    used = rows[: params.prepare.unlabelled_rows]
    left_out = {**texts.left_out, "not_needed": len(rows) - len(used)} if card.unlabelled else {}
    unlabelled = replace(texts, rows=used, left_out=left_out)
    return TaskData(source, parts, later, unlabelled, read_facts(card, params.task))


def accounts(card: TaskCard, data: TaskData) -> Iterator[str]:
    """Yield for each file or data set how many rows were read, used and left out, with the reasons."""
    counts = {
        "source": (len(data.source.rows), data.source.left_out if card.source else {}),
        "test rows": (len(data.source.test or ()), data.source.test_left_out),
        "labelled_later": (len(data.later.rows), data.later.left_out),
        "unlabelled": (len(data.unlabelled.rows), data.unlabelled.left_out),
        "facts": (len(data.facts.rows), data.facts.left_out),
    }
    for place, (used, left_out) in counts.items():
        if left_out:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items() if count)
            read = used + sum(left_out.values())
            yield f"{place}: {read:,} rows read, {used:,} used; left out: {reasons or 'none'}"


def arms_without_rows(params: Params, data: TaskData) -> dict[str, list[str]]:
    """Return what there is too little of, e.g. "300 real rows", and the arms that want more of it.

    Raise `DataError` if that is so for every arm.
    """
    written = params.generate.candidates
    if params.filter.rows_per_label:
        written = max(written, params.top_up.max_candidates)
    parts = data.split
    most = {
        "real": (len(parts.train) + len(parts.pool), "real rows beside the test rows"),
        "synthetic": (written, "texts to write"),
        "unlabelled": (len(data.unlabelled.rows), "texts to label"),
    }
    lacking: dict[str, list[str]] = {}
    for source, (count, what) in most.items():
        # "all" needs one row at least.
        wanted = {name: getattr(arm, source) for name, arm in params.arms.items()}
        names = [name for name, rows in wanted.items() if (1 if rows == "all" else rows) > count]
        if names:
            lacking[f"{count:,} {what}"] = names
    if {name for names in lacking.values() for name in names} == set(params.arms):
        there = " and ".join(lacking)
        raise DataError(f"params.yaml: arms: there are {there}, too few for every arm; lower their numbers")
    return lacking
