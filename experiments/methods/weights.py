"""Importance weights (IMP, DIMP; Kuo et al. 2024) against equal ones, and against filtering.

The filter is by the classifier that the weights come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.engine import PLAIN, REAL, Task, predict
from experiments.methods.rows import ROWS, SEEDS, MethodTask, compared, listed
from labelmint.core.params import Arm
from labelmint.core.records import ArmRow
from labelmint.encoder.vectors import embed_by_source
from labelmint.students.base import Setting, Student, label_numbers
from labelmint.students.importance import real_probability
from labelmint.students.registry import open_student
from labelmint.students.weighting import weigh

MAX_WEIGHT = 5.0
FILTERED = "filtered"
WEIGHTS = {
    PLAIN: Arm(real="all", synthetic="all"),
    "imp": Arm(real="all", synthetic="all", weights="imp"),
    f"imp, at most {MAX_WEIGHT:g}": Arm(real="all", synthetic="all", weights="imp", max_weight=MAX_WEIGHT),
    "dimp": Arm(real="all", synthetic="all", weights="dimp"),
    f"dimp, at most {MAX_WEIGHT:g}": Arm(real="all", synthetic="all", weights="dimp", max_weight=MAX_WEIGHT),
}


def run(task: MethodTask) -> dict[str, Any]:
    """Return each weighting's score and its gain over equal weights, for the rows of `ROWS`."""
    student = open_student("linear_head", Setting(task.params, task.card))
    results = {rows: _weightings(task, student, rows) for rows in ROWS}
    student.close()
    return results


def _weightings(task: MethodTask, student: Student, rows: str) -> dict[str, dict[str, Any]]:
    drawn = task.drawn(rows)
    plain = drawn[PLAIN]
    predicted = {REAL: predict(task, student, REAL, drawn[REAL])}
    summaries: dict[str, dict[str, Any]] = {}
    for name, arm in WEIGHTS.items():
        found = [
            weigh(arm, one, (), task.card.label_names, task.params.train, seed)
            for one, seed in zip(plain, SEEDS, strict=True)
        ]
        summaries[name] = found[0][2]
        predicted[name] = predict(task, student, name, [one for one, *_ in found])
    likely = [_likely(task, one, seed) for one, seed in zip(plain, SEEDS, strict=True)]
    predicted[FILTERED] = predict(task, student, FILTERED, likely)
    return {name: entry | summaries.get(name, {}) for name, entry in task.scored(predicted).items()}


def _likely(task: Task, rows: Sequence[ArmRow], seed: int) -> list[ArmRow]:
    """Return the real rows, and the made ones of whose label a classifier of real rows is rather sure."""
    labels = label_numbers(rows, task.card.label_names)
    probability = real_probability(rows, labels, embed_by_source(task.params.train, rows), seed)
    return [
        row for row, value in zip(rows, probability, strict=True) if row["source"] == "real" or value >= 0.5
    ]


def page(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of this part of the page."""
    return [
        "## Importance weights (Kuo et al. 2024)\n",
        "`weights: imp` and `weights: dimp` of an arm ([what they are](method.md#importance-weights)), for a "
        "linear head. *plain*: equal weights. *filtered*: the baseline without weights, in which made rows "
        "go whose label a classifier of the real rows finds unlikely (below 50 %). *Effective*: how many "
        "equally weighted rows the made ones are worth (Kish 1965).\n",
        *compared("task | rows | weights", listed(results, "weights"), "rows, effective", _size),
        "",
    ]


def _size(entry: Mapping[str, Any]) -> list[str]:
    of = entry.get("weighting", {})
    return [f"{of['made_rows']}, {of['effective_rows']:.0f}" if of else str(entry["train_rows"])]
