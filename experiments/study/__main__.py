"""One part of the study: `python -m study TASK METHOD`; METHOD `real` is the real rows alone.

Reads study/params.yaml, params.yaml and the task card; writes metrics/study/<task>-<method>.json, a list of
cells. Run all of it, resumable, with `make study` (study/dvc.yaml).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from experiments.study.grid import CELLS, Task, load_task, subset
from experiments.study.students import Students
from labelmint.core.errors import add_debug_flag, one_line_errors
from labelmint.core.records import Candidate, Kept, Labelled, write_json
from labelmint.encoder.vectors import embed_rows
from labelmint.generation.session import Session
from labelmint.labelling.verify import Verifier, centre, demonstrations, reading_prompt
from labelmint.llm import open_model
from labelmint.scoring.bootstrap import interval
from labelmint.scoring.compare import compare
from labelmint.scoring.scores import ArmPredictions
from labelmint.tasks.balance import class_balance
from labelmint.tasks.cards import row_text
from stages.filter import read_labels, sift

REAL = "real"


def main(task_name: str, method: str) -> None:
    """Write one task's and method's cells."""
    task = load_task(task_name, "auto" if method == REAL else method)
    parts = real_cells(task) if method == REAL else method_cells(task, method)
    write_json(CELLS / f"{task_name}-{method}.json", {"cells": list(parts)})


def real_cells(task: Task) -> Iterator[dict[str, Any]]:
    """Yield the cells of real rows alone, and the LLM's own accuracy, asked with demonstrations."""
    students = Students(task)
    for size in task.grid.real_rows:
        rows = [task.parts.curve[size]] * len(task.grid.seeds)
        yield cell(task, students, TrainingSets(REAL, "none", "real", size, rows))
    yield {"task": task.params.task, "method": "llm", "arm": "llm", **llm_accuracy(task)}


def llm_accuracy(task: Task) -> dict[str, Any]:
    """Return how often the LLM, shown a few real rows, labels test inputs right; its scores are centred."""
    names = task.card.label_names
    shown = demonstrations(task.params.filter, task.card, task.parts.train)
    with open_model(task.params.llm) as model:
        reader = Verifier(task.card, reading_prompt(task.card, shown), model)
        texts = [row_text(task.card, row) for row in task.parts.test]
        scores = reader.read(texts, lambda _: None)
    # Without labels to centre by: the mean over all texts.
    scores = scores - centre(scores, [0] * len(scores), 1)
    hits = (scores.argmax(axis=1) == task.truth).astype(float)
    draw = np.random.default_rng(task.params.evaluate.seed)
    resampled = hits[draw.integers(len(hits), size=(2000, len(hits)))].mean(axis=1)
    accuracy = {"mean": round(float(hits.mean()), 4), **interval(resampled)}
    return {"demonstrations": len(shown), "labels": names, "accuracy": accuracy}


def method_cells(task: Task, method: str) -> Iterator[dict[str, Any]]:
    """Write candidates with a method, check them in each way, and yield the cells of all training sets."""
    with open_model(task.params.llm) as model:
        session = Session(task.params, task.card, task.parts.train, model)
        candidates, seconds = session.write(session.waves(), f"{task.params.task} {method}")
    students = Students(task)
    for check in task.grid.checks:
        kept = checked(task, candidates, check)
        drawn = [
            subset(kept, task.card.label_names, task.grid.synthetic_rows, seed) for seed in task.grid.seeds
        ]
        for arm, real in (("synthetic", 0), *((f"mixed_{size}", size) for size in task.grid.real_rows)):
            own: list[Labelled] = task.parts.curve[real] if real else []
            rows = [[*own, *part] for part in drawn]
            yield {
                **cell(task, students, TrainingSets(method, check, arm, real, rows)),
                "candidates": len(candidates),
                "kept": len(kept),
                "tokens_per_text": round(sum(row["tokens"] for row in candidates) / len(candidates), 1),
                "seconds": round(seconds, 1),
            }


def checked(task: Task, candidates: Sequence[Candidate], check: str) -> list[Kept]:
    """Return the rows that the filter keeps, with or without the LLM's reading."""
    verify = task.params.filter.verify.model_copy(update={"action": check})
    config = task.params.filter.model_copy(update={"verify": verify})
    params = task.params.model_copy(update={"filter": config})
    train = task.parts.train
    reading = read_labels(params, task.card, candidates, train)
    shares = class_balance(params.class_balance, task.card, train)
    embed = partial(embed_rows, params.train)
    kept, _, _ = sift(config, task.card, candidates, train, task.parts.test, reading.scores, shares, embed)
    return kept


@dataclass(frozen=True)
class TrainingSets:
    """What a cell trains on: rows by seed, `real` of them real, the others written and checked in one way."""

    method: str
    check: str
    arm: str
    real: int
    rows_by_seed: Sequence[Sequence[Labelled]]


def cell(task: Task, students: Students, sets: TrainingSets) -> dict[str, Any]:
    """Train one classifier per seed and return the cell: score with interval, over test rows and seeds."""
    seeds = task.grid.seeds
    probabilities = np.stack(
        [students.probabilities(rows, seed) for rows, seed in zip(sets.rows_by_seed, seeds, strict=True)]
    )
    total = len(sets.rows_by_seed[0])
    predictions = ArmPredictions(sets.arm, total, probabilities)
    truth = task.truth
    scored = compare([predictions], truth, students.names, task.params.evaluate)["arms"][sets.arm]
    return {
        "task": task.params.task,
        "method": sets.method,
        "check": sets.check,
        "arm": sets.arm,
        "real_rows": sets.real,
        "synthetic_rows": total - sets.real,
        "seeds": len(seeds),
        "accuracy": scored["accuracy"],
        # By seed: 1 where the test row is labelled right, so that the table can pair cells.
        "right": ["".join("1" if hit else "0" for hit in row == truth) for row in predictions.predicted],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m study", description=main.__doc__)
    parser.add_argument("task", help="a task card's name")
    parser.add_argument("method", help="a method, or real")
    add_debug_flag(parser)
    arguments = parser.parse_args()
    with one_line_errors(f"study {arguments.task} {arguments.method}", debug=arguments.debug):
        main(arguments.task, arguments.method)
