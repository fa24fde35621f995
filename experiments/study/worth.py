"""What the recommended method is worth on each bundled task: 100 real rows with and without synthetic ones.

`python -m study.worth TASK` runs the stages as params.yaml has them on the task (method `auto`, each arm by
the recipe that validation prefers) and writes metrics/study/<task>-worth.json. Part of `make study`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from experiments.study.__main__ import checked
from experiments.study.grid import CELLS, Task, load_task
from experiments.study.students import Students
from labelmint.core.errors import add_debug_flag, one_line_errors
from labelmint.core.records import Labelled, write_json
from labelmint.generation.session import Session
from labelmint.llm import open_model
from labelmint.scoring.compare import compare
from labelmint.scoring.scores import ArmPredictions

ARMS = ("real", "mixed")


def main(name: str) -> None:
    """Write what the synthetic rows of a task are worth."""
    task = load_task(name, worth=True)
    with open_model(task.params.llm) as model:
        session = Session(task.params, task.card, task.parts.train, model)
        candidates, _ = session.write(session.waves(), name)
    kept = checked(task, candidates, task.params.filter.verify.action)
    real: list[Labelled] = task.parts.train
    rows: dict[str, list[Labelled]] = {"real": real, "mixed": [*real, *kept]}
    students = Students(task)
    arms = [predictions(students, task, arm, rows[arm]) for arm in ARMS]
    methods = sorted({row["method"] for row in candidates})
    found = {"task": name, "methods": methods, "candidates": len(candidates), "kept": len(kept)}
    write_json(CELLS / f"{name}-worth.json", {**found, **scores(task, arms)})


def predictions(
    students: Students, task: Task, arm: str, rows: Sequence[Labelled]
) -> tuple[ArmPredictions, str]:
    """Train an arm with the recipe that validation prefers; return its predictions and the recipe."""
    probabilities, recipe = students.chosen(rows, task.params.train.seeds)
    return ArmPredictions(arm, len(rows), probabilities), recipe


def scores(task: Task, arms: Sequence[tuple[ArmPredictions, str]]) -> dict[str, Any]:
    """Return the arms' accuracies and the paired difference, as `evaluate` scores them."""
    scored = compare([arm for arm, _ in arms], task.truth, task.card.label_names, task.params.evaluate)
    result = {
        arm.arm: {
            "train_rows": arm.train_rows,
            "recipe": recipe,
            "accuracy": scored["arms"][arm.arm]["accuracy"],
        }
        for arm, recipe in arms
    }
    return {"arms": result, "gain": scored["gain"]["mixed_vs_real"], "test_rows": scored["test_rows"]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m study.worth", description=main.__doc__)
    parser.add_argument("task", help="a task card's name")
    add_debug_flag(parser)
    arguments = parser.parse_args()
    with one_line_errors(f"experiments.study.worth {arguments.task}", debug=arguments.debug):
        main(arguments.task)
