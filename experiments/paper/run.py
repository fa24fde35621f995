"""Fill a task's part of the grid: write texts by each method, train students, and compare them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from experiments.engine import Task, ask_llm, fit_arms, keep, write
from experiments.paper.grid import METHODS, REAL_ROWS, TEXT_FIRST, methods_of
from experiments.sources import MINILM, MPNET
from labelmint.core.params import Arm
from labelmint.core.records import Kept
from labelmint.llm import open_model
from labelmint.scoring.bootstrap import Bootstrap, interval
from labelmint.scoring.scores import ArmPredictions
from labelmint.students.base import Setting
from labelmint.students.registry import open_student
from labelmint.tasks.balance import Metric

STUDENTS = [MINILM, MPNET]  # encoders of 22 and 109 million weights, each with a linear head
DRAWN = 0.9  # of the kept rows at most: each seed draws others

Arms = Mapping[str, ArmPredictions]


def run(task: Task, rows: int) -> dict[str, Any]:
    """Return the task's result, with up to `rows` synthetic rows of each method."""
    kept, written = _written(task, rows)
    bootstrap = task.bootstrap
    students = {}
    for encoder in STUDENTS:
        arms = _student_arms(task, encoder, kept, written)
        students[encoder] = {
            "arms": {name: _scores(arm, bootstrap) for name, arm in arms.items()},
            "differences": {metric: differences(arms, bootstrap, metric) for metric in get_args(Metric)},
        }
    asked = ask_llm(task.changed({"train.seeds": task.params.train.seeds[:1]}))
    return {
        "task": task.params.task,
        "llm": task.params.llm.model,
        "test_rows": len(task.truth),
        "methods": written,
        "llm_zero_shot": _scores(asked, bootstrap),
        "students": students,
    }


def _written(task: Task, rows: int) -> tuple[dict[str, list[Kept]], dict[str, dict[str, int]]]:
    """Return each method's kept rows, and its counts; labels as written, as in the paper."""
    kept, counts = {}, {}
    with open_model(task.params.llm) as model:
        for method in methods_of(task.card):
            of_method = task.changed(METHODS[method])
            candidates = write(of_method, model)
            kept[method] = keep(of_method, candidates, "none", model)
            counts[method] = {
                "candidates": len(candidates),
                "kept": len(kept[method]),
                "rows": min(rows, round(DRAWN * len(kept[method]))),
            }
    return kept, counts


def _student_arms(
    task: Task,
    encoder: str,
    kept: Mapping[str, Sequence[Kept]],
    written: Mapping[str, Mapping[str, int]],
) -> dict[str, ArmPredictions]:
    """Train a linear head on each training set, such as `real_100`, `few_shot` and `few_shot_100`.

    A method of which no row is kept has none.
    """
    task = task.changed({"train.encoder": encoder})
    student = open_student(task.params.train.student, Setting(task.params, task.card))
    arms: dict[str, ArmPredictions] = {}
    for method, rows in {"real": [], **{name: rows for name, rows in kept.items() if rows}}.items():
        made = 0 if method == "real" else written[method]["rows"]
        sizes = {f"{method}_{size}": size for size in REAL_ROWS} | ({method: 0} if made else {})
        wanted = {name: Arm(real=size, synthetic=made) for name, size in sizes.items()}
        arms |= fit_arms(task, student, wanted, rows)
    student.close()
    return arms


def _scores(arm: ArmPredictions, bootstrap: Bootstrap) -> dict[str, dict[str, float]]:
    return {metric: bootstrap.score(arm, metric) for metric in get_args(Metric)}


def differences(arms: Arms, bootstrap: Bootstrap, metric: Metric) -> dict[str, dict[str, Any]]:
    """Return what the paper's findings are about, by method, paired by test row.

    `gain_few`, `gain_many`: synthetic rows beside so many real ones, less these real ones alone; `mixing`:
    few real rows beside synthetic ones, less the synthetic ones alone; `scarcity`: the gain at few real rows
    less that at many; `over_zero_shot`: another method less zero-shot, both beside few real rows;
    `over_text_first`: few-shot for given labels less few-shot whose labels the model says, without real
    rows, which would hide wrong labels.
    """
    few, many = REAL_ROWS

    def gain(one: str, other: str) -> dict[str, float]:
        return bootstrap.gain(arms[one], arms[other], metric)

    def scarcity(method: str) -> dict[str, float]:
        pairs = [(arms[f"{method}_{size}"], arms[f"real_{size}"]) for size in REAL_ROWS]
        means = [bootstrap.mean(one, metric) - bootstrap.mean(other, metric) for one, other in pairs]
        samples = [bootstrap.difference(one, other, metric) for one, other in pairs]
        return {metric: round(means[0] - means[1], 4), **interval(samples[0] - samples[1])}

    methods = [name for name in arms if f"{name}_{few}" in arms]
    others = [name for name in methods if name != "zero_shot"]
    same = ["few_shot"] if {"few_shot", TEXT_FIRST} <= {*methods} else []
    return {
        "gain_few": {name: gain(f"{name}_{few}", f"real_{few}") for name in methods},
        "gain_many": {name: gain(f"{name}_{many}", f"real_{many}") for name in methods},
        "mixing": {name: gain(f"{name}_{few}", name) for name in methods},
        "scarcity": {name: scarcity(name) for name in methods},
        "over_zero_shot": {name: gain(f"{name}_{few}", f"zero_shot_{few}") for name in others},
        "over_text_first": {name: gain(name, TEXT_FIRST) for name in same},
    }
