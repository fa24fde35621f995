"""What grounding prompts in a table of facts gives: `python -m experiments.grounding TASK`.

TASK is a card with `source` and `facts`, such as the intents with slots of docs/howto/facts.md. From the same
real rows and as many candidates, plain few_shot is compared with grounded by each sampling of the table and
with two sizes of it, without the rule missing_slot, and with texts that exist already and get labels
(Peng et al. 2020, arXiv 2004.13952: rich in ontology, rich in utterances). Labels are scored by the
classifier alone, which takes seconds. Texts are in the cache: a stopped run resumes. Adds its result to
metrics/grounding.json, which has one for each number of real rows (`--real-rows`), and writes from it
docs/explanation/grounding_measured.md (`--page`: the page alone).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from experiments import tables
from experiments.engine import PLAIN, REAL, Task, keep, load_task, predict, write
from experiments.methods.rows import ROWS, compared
from labelmint.core import paths
from labelmint.core.arms import training_sets
from labelmint.core.errors import DataError, run_command
from labelmint.core.params import Arm, Params, load_params
from labelmint.core.records import ArmRow, Candidate, Kept, LabelledText, input_of, read_json, write_json
from labelmint.labelling.scores import score_labels
from labelmint.llm import open_model
from labelmint.llm.base import LanguageModel
from labelmint.rules.form import FormContext, missing_slot
from labelmint.rules.texts import filter_texts
from labelmint.scoring.scores import ArmPredictions
from labelmint.students.base import Setting
from labelmint.students.registry import open_student

SEEDS = [1, 2, 3]  # of the facts that are drawn, and of the texts that are written
CANDIDATES, SAMPLES, PROMPTS_PER_WAVE = 350, 5, 7
ENCODER = "minilm-l6-v2"
FEW, MANY = 3, 10  # facts per label; with 7 labels there are 10 prompts of each
# Name on the page: method, sampling and size of the table, rules that are switched off.
CELLS: dict[str, tuple[str, str, int, list[str]]] = {
    PLAIN: ("few_shot", "uniform", 0, []),
    **{
        f"{sampling}, {rows} facts": ("grounded", sampling, rows, [])
        for sampling in ("uniform", "balanced", "diversity")
        for rows in (FEW, MANY)
    },
    f"uniform, {MANY} facts, no missing_slot": ("grounded", "uniform", MANY, ["missing_slot"]),
}
LABELLED = "labelled texts"
RESULT = paths.METRICS / "grounding.json"
PAGE = Path("docs/explanation/grounding_measured.md")


def main(*, task: str | None = None, real_rows: int = 100, page_only: bool = False) -> None:
    """Compare the cells on a task, and write the page."""
    if not page_only:
        if task is None:
            raise DataError("grounding: name a task whose card has `facts`: docs/howto/facts.md shows one")
        results = read_json(RESULT) or {}
        write_json(RESULT, {**results, f"{task}, {real_rows} real rows": run(task, real_rows)})
    tables.write_page(PAGE, page, RESULT, "python -m experiments.grounding TASK")


def task_params(task: str, real_rows: int, seed: int = SEEDS[0], cell: str = PLAIN) -> Params:
    """Return params.yaml with the settings of a cell."""
    method, sampling, rows, disabled = CELLS[cell]
    params = load_params()
    return params.changed(
        {
            "task": task,
            "arms": {"real": {"real": "all"}},
            "real.rows": real_rows,
            "llm.threads": 1,  # other numbers may give other texts
            "generate.seed": seed,
            "generate.method": method,
            "generate.candidates": CANDIDATES,
            "generate.samples_per_prompt": SAMPLES,
            "generate.prompts_per_wave": PROMPTS_PER_WAVE,
            "generate.facts": {"sampling": sampling, "rows": rows},
            "filter.disabled_rules": [*params.filter.disabled_rules, *disabled],
            "labelling.scorers": ["classifier"],
            "train.encoder": ENCODER,
            "train.student": "linear_head",
            "train.seeds": SEEDS,
        }
    )


def run(name: str, real_rows: int) -> dict[str, Any]:
    """Return each cell's counts and scores, by the names of `ROWS`."""
    task = load_task(task_params(name, real_rows))
    counts: dict[str, dict[str, Any]] = {}
    arms: dict[str, dict[str, ArmPredictions]] = {rows: {} for rows in ROWS}
    for rows in ROWS:
        arms[rows][REAL] = _predict(task, REAL, [[]] * len(SEEDS))
    with open_model(task.params.llm) as model:
        by_cell: dict[str, list[tuple[Task, list[Candidate]]]] = {cell: [] for cell in CELLS}
        for seed, cell in product(SEEDS, CELLS):
            print(f"grounding: {name}, {cell}, seed {seed}", file=sys.stderr)
            of = replace(task, params=task_params(name, real_rows, seed, cell))
            by_cell[cell].append((of, write(of, model)))
        for cell, written in by_cell.items():
            counts[cell] = {"with_value": _with_value(written)}
            for rows, action in ROWS.items():
                kept = [keep(of, candidates, action, model) for of, candidates in written]
                counts[cell][rows] = [*map(len, kept)]
                arms[rows][cell] = _predict(task, cell, kept)
        labelled = _labelled(task, model)
    arms["checked"][LABELLED] = _predict(task, LABELLED, [], labelled)
    counts[LABELLED] = {"checked": [len(labelled)]}
    scored = {rows: task.scored(of) for rows, of in arms.items()}
    settings = {
        "candidates": CANDIDATES,
        "prompts_per_label": CANDIDATES // SAMPLES // len(task.card.labels),
        "seeds": len(SEEDS),
        "encoder": ENCODER,
    }
    return {"test_rows": len(task.truth), "settings": settings, "cells": counts, "scores": scored}


def _with_value(written: Sequence[tuple[Task, Sequence[Candidate]]]) -> float | None:
    """Return the share of the grounded candidates that have the value that they were to mention."""
    has = [
        missing_slot(row, FormContext(task.params.filter, task.card, task.train)) is None
        for task, candidates in written
        for row in candidates
        if row["method"] == "grounded"
    ]
    return round(float(np.mean(has)), 4) if has else None


def _labelled(task: Task, model: LanguageModel) -> list[LabelledText]:
    """Label as many texts that exist already as there are candidates."""
    texts = [input_of(row) for row in task.rows.pool[:CANDIDATES]]
    scores = score_labels(task, texts, model).texts
    return filter_texts(task, texts, scores)[0]


def _predict(
    task: Task, name: str, kept: Sequence[Sequence[Kept]], labelled: Sequence[LabelledText] = ()
) -> ArmPredictions:
    """Train on the real rows and each seed's kept rows, or on the real and the labelled ones."""
    student = open_student(task.params.train.student, Setting(task.params, task.card))
    drawn: list[list[ArmRow]] = []
    for rows in kept or [[]] * len(SEEDS):
        arm = Arm(real="all", synthetic=len(rows), unlabelled=len(labelled))
        sets, _ = training_sets({name: arm}, task.train, [], rows, labelled, SEEDS[0])
        drawn.append(sets[name])
    return predict(task, student, name, drawn)


def page(results: Mapping[str, Any]) -> str:
    """Return docs/explanation/grounding_measured.md."""
    lines = [
        "# Grounding, measured\n",
        "Written by `python -m experiments.grounding --page` from `metrics/grounding.json`; `python -m "
        "experiments.grounding TASK` runs it, with a card such as that of [facts.md](../howto/facts.md). "
        "*plain*: `few_shot` with as many candidates and texts per prompt. *facts*: rows of the table "
        "that each label may use, one for each prompt. *labelled texts*: as many texts that exist "
        "already. Rows *as written* have the label that they were written for; the labels of *checked* "
        "ones were scored by a classifier of the real rows. Accuracy in per cent, differences in points, "
        "with 95 % intervals over test rows and seeds, each of which draws other facts and writes other "
        "texts; p-values are corrected for all of their table (Holm 1979). Where a label "
        "has few accepted rows, some of the others are given up for the balance.\n",
    ]
    return "\n".join([*lines, *(line for item in results.items() for line in _table(*item))])


def _table(title: str, result: Mapping[str, Any]) -> list[str]:
    cells, settings = result["cells"], result["settings"]
    entries = [([rows, cell], entry) for rows, of in result["scores"].items() for cell, entry in of.items()]
    more = iter([_counts(cells.get(cell, {}), rows) for (rows, cell), _ in entries])
    return [
        f"## {title}\n",
        f"{settings['candidates']} candidates, of {settings['prompts_per_label']} prompts for each label; "
        f"seeds: {settings['seeds']}; {result['test_rows']} test rows; a linear head on "
        f"{settings['encoder']}.\n",
        *compared("rows | candidates", entries, "with their value | kept, by seed", lambda _: next(more)),
        "",
    ]


def _counts(cell: Mapping[str, Any], rows: str) -> list[str]:
    share = cell.get("with_value")
    return [f"{share:.0%}" if share is not None else "–", ", ".join(map(str, cell.get(rows, ()))) or "–"]


if __name__ == "__main__":
    parser = tables.parser("grounding", main)
    parser.add_argument("task", nargs="?", metavar="TASK", help="a task card with `facts`")
    parser.add_argument("--real-rows", type=int, default=100, metavar="N", help="to begin with; 100")
    run_command(parser, "grounding", main)
