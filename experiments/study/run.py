"""Run the parts of the study: the real rows alone, and each method's texts."""

from __future__ import annotations

from typing import Any

from experiments.engine import Task, ask_llm, fit_arms, keep, write
from experiments.grid import REAL_ROWS, SYNTHETIC_ROWS
from labelmint.core.params import Arm
from labelmint.llm import open_model
from labelmint.scoring.scores import ArmPredictions
from labelmint.students.base import Setting
from labelmint.students.registry import open_student

Cell = dict[str, Any]


def real(task: Task) -> Cell:
    """Score real rows alone, and the language model, asked with a few of them."""
    cells = []
    student = open_student(task.params.train.student, Setting(task.params, task.card))
    for size in REAL_ROWS:
        arm = fit_arms(task, student, {"real": Arm(real=size)})["real"]
        cells.append(cell(task, arm, method="real", real_rows=size))
    student.close()
    arm, shown = ask_llm(task)
    cells.append(cell(task, arm, method="llm", real_rows=arm.train_rows, demonstrations=shown))
    return {"cells": cells}


def method(task: Task) -> Cell:
    """Write candidates with the task's method, filter them, and score them alone and beside real rows."""
    with open_model(task.params.llm) as model:
        candidates, seconds = write(task, model)
        kept = keep(task, candidates, "none", model)
    synthetic = min(SYNTHETIC_ROWS, len(kept))
    real_rows = {"synthetic": 0, **{f"mixed_{size}": size for size in REAL_ROWS}}
    student = open_student(task.params.train.student, Setting(task.params, task.card))
    arms = {name: Arm(real=size, synthetic=synthetic) for name, size in real_rows.items()}
    predicted = fit_arms(task, student, arms, kept)
    student.close()
    counts = {
        "candidates": len(candidates),
        "tokens_per_text": round(sum(row["tokens"] for row in candidates) / len(candidates), 1),
        "seconds": round(seconds, 1),
        "kept": len(kept),
    }
    of = task.params.generate.method
    return {
        "cells": [
            cell(task, predicted[name], method=of, real_rows=size) | counts
            for name, size in real_rows.items()
        ]
    }


def cell(task: Task, arm: ArmPredictions, *, real_rows: int, **more: Any) -> Cell:
    """Return the arm's score with its interval, and by seed which test rows are labelled right."""
    return {
        "task": task.params.task,
        "arm": arm.arm,
        "real_rows": real_rows,
        "synthetic_rows": arm.train_rows - real_rows,
        "seeds": len(arm.predicted),
        **more,
        "accuracy": task.bootstrap().score(arm),
        # One character per test row, so that the page can pair cells.
        "right": ["".join("1" if right else "0" for right in row == task.truth) for row in arm.predicted],
    }
