"""Run the parts of the study: write texts, filter them, train students and score them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from experiments.study.grid import ACTIONS, REAL_ROWS, SYNTHETIC_ROWS, Task
from labelmint.core.arms import rows_by_source, training_sets
from labelmint.core.errors import DataError
from labelmint.core.params import Arm
from labelmint.core.records import ArmRow, Candidate, Kept
from labelmint.encoder.vectors import embed_rows
from labelmint.generation.session import Session
from labelmint.labelling.scores import score_candidates
from labelmint.llm import open_model
from labelmint.llm.base import LanguageModel
from labelmint.rules.apply import filter_candidates
from labelmint.rules.filtering import Filtering
from labelmint.scoring.compare import compare
from labelmint.scoring.roles import Roles
from labelmint.scoring.scores import ArmPredictions
from labelmint.students.base import Setting, Student
from labelmint.students.registry import open_student

Cell = dict[str, Any]
Rows = Sequence[ArmRow]


def real(task: Task) -> Cell:
    """Score real rows alone, and the language model, asked with a few of them."""
    cells = []
    student = open_student(task.params.train.student, Setting(task.params, task.card))
    for size in REAL_ROWS:
        rows = arm_rows(task, {"real": Arm(real=size)}, [], task.params.prepare.seed)["real"]
        arm = predict(task, student, "real", [rows] * len(task.params.train.seeds))
        cells.append(cell(task, arm, method="real", check="none", real_rows=size))
    student.close()
    arm, shown = ask(
        task, "llm", arm_rows(task, {"llm": Arm(real="all")}, [], task.params.prepare.seed)["llm"]
    )
    cells.append(cell(task, arm, method="llm", real_rows=arm.train_rows, demonstrations=shown))
    return {"cells": cells}


def method(task: Task) -> Cell:
    """Write candidates with the task's method, filter them, and score all training sets."""
    kept_by_action: dict[str, list[Kept]] = {}
    with open_model(task.params.llm) as model:
        candidates, seconds = write(task, model)
        for action in ACTIONS:
            kept_by_action[action] = keep(task, candidates, action, model)
    counts = {
        "candidates": len(candidates),
        "tokens_per_text": round(sum(row["tokens"] for row in candidates) / len(candidates), 1),
        "seconds": round(seconds, 1),
    }
    student = open_student(task.params.train.student, Setting(task.params, task.card))
    cells = [
        {**result, **counts, "kept": len(kept)}
        for action, kept in kept_by_action.items()
        for result in method_cells(task, student, action, kept)
    ]
    student.close()
    return {"cells": cells}


def method_cells(task: Task, student: Student, action: str, kept: Sequence[Kept]) -> Iterator[Cell]:
    """Yield the cells of synthetic rows alone and beside real ones; each seed draws other synthetic rows."""
    synthetic = min(SYNTHETIC_ROWS, len(kept))
    real_rows = {"synthetic": 0, **{f"mixed_{size}": size for size in REAL_ROWS}}
    arms = {name: Arm(real=size, synthetic=synthetic) for name, size in real_rows.items()}
    sets = [arm_rows(task, arms, kept, seed) for seed in task.params.train.seeds]
    for name, size in real_rows.items():
        arm = predict(task, student, name, [rows[name] for rows in sets])
        yield cell(task, arm, method=task.params.generate.method, check=action, real_rows=size)


def write(task: Task, model: LanguageModel) -> tuple[list[Candidate], float]:
    """Write the candidates; return them and the seconds that it took, cached waves included."""
    session = Session(task, model)
    return session.write(session.waves(), f"{task.params.task} {task.params.generate.method}")


def keep(task: Task, candidates: Sequence[Candidate], action: str, model: LanguageModel) -> list[Kept]:
    """Return the rows that the filter keeps with this `labelling.action`."""
    task = task.changed({"labelling.action": action})
    scores = {}
    if action != "none":
        scores = score_candidates(task, candidates, model).texts
    embed = partial(embed_rows, task.params.train)
    return filter_candidates(Filtering(task, candidates, scores, embed)).kept


def arm_rows(task: Task, arms: Mapping[str, Arm], kept: Sequence[Kept], seed: int) -> dict[str, Rows]:
    """Return the arms' rows; raise `DataError` if the task has too few."""
    sets, left_out = training_sets(arms, task.train, task.rows.pool, kept, [], seed)
    for name, reason in left_out.items():
        raise DataError(f"study: {task.params.task}, {name}: {reason}")
    return dict(sets)


def predict(task: Task, student: Student, name: str, rows_by_seed: Sequence[Rows]) -> ArmPredictions:
    """Fit the student on each seed's rows and predict the test inputs."""
    probabilities = []
    for seed, rows in zip(task.params.train.seeds, rows_by_seed, strict=True):
        student.fit(rows, seed)
        probabilities.append(student.predict_proba(task.test))
    rows = rows_by_seed[0]
    sources = rows_by_source(rows)
    counts = sources["real"], sources["synthetic"], sources["unlabelled"]
    return ArmPredictions(name, len(rows), np.stack(probabilities), *counts, student.name)


def ask(task: Task, student: str, rows: Rows) -> tuple[ArmPredictions, int]:
    """Have a student that is a language model predict the test inputs; return also how many rows it shows."""
    with closing(open_student(student, Setting(task.params, task.card))) as llm:
        arm = predict(task, llm, student, [rows] * len(task.params.train.seeds))
        return arm, llm.summary()["demonstrations"]


def cell(task: Task, arm: ArmPredictions, *, real_rows: int, **more: Any) -> Cell:
    """Return the arm's score with its interval, and by seed which test rows are labelled right."""
    truth = task.truth
    roles = Roles([arm], arm.student, arm.real)
    scored = compare(roles, truth, task.card.label_names, task.params.evaluate)
    return {
        "task": task.params.task,
        "arm": arm.arm,
        "real_rows": real_rows,
        "synthetic_rows": arm.train_rows - real_rows,
        "seeds": len(arm.predicted),
        **more,
        "accuracy": scored["arms"][arm.arm]["accuracy"],
        # One character per test row, so that the page can pair cells.
        "right": ["".join("1" if right else "0" for right in row == truth) for row in arm.predicted],
    }
