"""The folds in which real rows are held out: by the scorers that label other rows, and by the students."""

from __future__ import annotations

from collections.abc import Iterable

FOLDS = 5


def folds_in_turn(labels: Iterable[str]) -> list[int]:
    """Return each row's fold, 0 to FOLDS - 1: the rows of a label go to the folds in turn.

    A row's fold depends on the rows before it alone, so it stays when more rows follow.
    """
    following: dict[str, int] = {}
    folds = []
    for label in labels:
        # Labels begin with different folds, so that many labels of few rows fill all of them.
        folds.append(following.setdefault(label, len(following) % FOLDS))
        following[label] = (folds[-1] + 1) % FOLDS
    return folds
