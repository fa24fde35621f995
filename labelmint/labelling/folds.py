"""The labels that texts are given without each fold of the real rows.

Students are chosen and calibrated by held-out real rows. A student of texts that were labelled by scorers
which know these rows would be too sure of itself. Which texts have a clear label depends on the real rows,
too: those that have one only without some fold are trained on while it is held out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from labelmint.core.arrays import Floats
from labelmint.core.records import Kept, LabelledText, Rejected, RejectedText
from labelmint.rules.filtering import leading
from labelmint.tasks.task import Task

Row = TypeVar("Row", Kept, LabelledText, Rejected, RejectedText)

# Of kept rows, and the rules that reject a row for its label scores.
_BY_LABEL = (None, "unsure_label", "wrong_label")


def add_fold_labels(task: Task, rows: Sequence[Row], without_folds: Mapping[str, Floats]) -> list[Row]:
    """Return kept or rejected rows with their `fold_labels` (see `JudgedLabel`).

    `without_folds` are the `LabelScores` of that name; without them no row has any.
    """
    return [
        _with(task, row, without_folds[row["id"]]) if without_folds and row.get("rule") in _BY_LABEL else row
        for row in rows
    ]


def _with(task: Task, row: Row, scores: Floats) -> Row:
    labels: list[str] = [_label(task, row, of_fold) for of_fold in scores]
    return row if {*labels} == {row.get("judged_label", "")} else cast(Row, {**row, "fold_labels": labels})


def _label(task: Task, row: Row, scores: Floats) -> str:
    best, margin = leading(scores)
    label = task.card.label_names[best]
    dropped = task.params.labelling.action == "drop" and label != row.get("label", label)
    return "" if dropped or margin < task.params.labelling.min_margin else label
