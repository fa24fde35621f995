"""All rows of a task: its real rows split, those labelled later, and the texts to label."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from labelmint.core.errors import DataError
from labelmint.core.params import Params
from labelmint.core.records import input_of
from labelmint.tasks.cards import TaskCard, card_path
from labelmint.tasks.later import LaterRows, read_later
from labelmint.tasks.source import RealRows, UnlabelledRows, read_source, read_unlabelled
from labelmint.tasks.split import Split, split
from labelmint.tasks.texts import key_of


@dataclass(frozen=True)
class TaskData:
    """The rows of a task.

    Attributes
    ----------
    source
        The usable rows of the card's source, before they are split.
    split
        Its training rows end with those labelled later, which its pool doesn't have.
    later
        The rows labelled later.
    unlabelled
        The texts to label: the card's, or those of the pool.
    """

    source: RealRows
    split: Split
    later: LaterRows
    unlabelled: UnlabelledRows


def read_task(params: Params, card: TaskCard) -> TaskData:
    """Read and split the rows that the card points at; raise `DataError` naming file, row and remedy."""
    if card.source is None and params.real.rows:
        raise DataError(
            f"{card_path(params.task)}: without a `source` there are no real rows; say real.rows: 0 and "
            "arms: {synthetic: {synthetic: all}} in params.yaml"
        )
    source = read_source(card, params.task)
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
    unlabelled = replace(texts, rows=rows[: params.prepare.unlabelled_rows])
    return TaskData(source, parts, later, unlabelled)


def too_large_arms(params: Params, parts: Split) -> list[str]:
    """Return the arms that want more real rows than there are beside the test rows."""
    rows = len(parts.train) + len(parts.pool)
    return [name for name, arm in params.arms.items() if arm.real != "all" and arm.real > rows]
