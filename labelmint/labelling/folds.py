"""The labels that kept texts are given without each fold of the real rows.

Students are chosen and calibrated by held-out real rows. A student of texts that were labelled by scorers
which know these rows would be too sure of itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from labelmint.core.arrays import Floats
from labelmint.core.records import Kept, LabelledText
from labelmint.rules.filtering import leading
from labelmint.tasks.task import Task

Row = TypeVar("Row", Kept, LabelledText)


def add_fold_labels(task: Task, rows: Sequence[Row], without_folds: Mapping[str, Floats]) -> list[Row]:
    """Return the rows with their `fold_labels` (see `JudgedLabel`), where one differs from `judged_label`.

    `without_folds` are the `LabelScores` of that name; without them no row has any.
    """
    return [_with(task, row, without_folds[row["id"]]) if without_folds else row for row in rows]


def _with(task: Task, row: Row, scores: Floats) -> Row:
    labels: list[str] = [_label(task, row, of_fold) for of_fold in scores]
    return row if {*labels} == {row["judged_label"]} else cast(Row, {**row, "fold_labels": labels})


def _label(task: Task, row: Row, scores: Floats) -> str:
    best, margin = leading(scores)
    label = task.card.label_names[best]
    dropped = task.params.labelling.action == "drop" and label != row.get("label", label)
    return "" if dropped or margin < task.params.labelling.min_margin else label
