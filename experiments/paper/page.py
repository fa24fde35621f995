"""docs/results/paper.md: the table, and which of the paper's findings it supports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments import tables
from experiments.paper.findings import findings
from experiments.paper.grid import METHODS, PAPER_TASKS, REAL_ROWS, SEEDS, SYNTHETIC_ROWS, TASKS
from labelmint.tasks.cards import load_card

Result = Mapping[str, Any]

_HEAD = """\
# The paper's table

Written by `python -m experiments.paper --page` from `metrics/paper/`; `python -m experiments.paper` runs it.
It is the table of Li et al. 2024 ([arXiv 2407.12813](https://arxiv.org/abs/2407.12813)): their prompt
methods and numbers of real rows, for {tasks} tasks, of which {paper} are the paper's. But {llms} writes
the texts instead of GPT-3.5, and students are linear heads on frozen encoders instead of a fine-tuned
RoBERTa. Scores are in per cent on test rows, means of {seeds} seeds, each of which draws other synthetic
rows, with 95 % intervals over test rows and seeds. Gains are over the same real rows alone, in points,
paired by test row. Synthetic rows have the label that they were written for, as in the paper; they passed
the rules on form, duplicates, copies and leaks. `text_first` is what the paper advises against: few-shot
prompts after which the model writes a text and then its label. Which sets of New York Times articles and
Amazon reviews the paper took, and its splits, couldn't be checked; the cards in `data/tasks` name public
sets.
"""
_METRICS = {"accuracy": "Accuracy", "macro_f1": "Macro-F1"}


def page(results: Sequence[Result]) -> str:
    """Return the page, with the tasks in the paper's order."""
    ordered = sorted(results, key=lambda result: TASKS.index(result["task"]))
    return "\n".join([_head(ordered), *map(_task, ordered), findings(ordered)])


def _head(results: Sequence[Result]) -> str:
    by_rows: dict[int, list[str]] = {}
    for result in results:
        by_rows.setdefault(result["settings"]["synthetic_rows"], []).append(result["task"])
    run = {result["task"] for result in results}
    missing = ", ".join(name for name in TASKS if name not in run)
    smaller = [
        f"**Smaller than the paper's**: {', '.join(names)} with `--rows {rows}`, so with up to {rows}\n"
        f"synthetic rows of each method instead of {SYNTHETIC_ROWS}. Without `--rows` the command runs\n"
        "the full table.\n"
        for rows, names in sorted(by_rows.items())
        if rows != SYNTHETIC_ROWS
    ]
    not_run = (
        f"Not run: {missing}. `python -m experiments.paper TASK` adds one; the paper's tasks are read from\n"
        "the hub, or from copies in the folder that `--data` names.\n"
    )
    llms = " and ".join(sorted({result["llm"] for result in results}))
    paper = len(run & {*PAPER_TASKS})
    head = _HEAD.format(tasks=len(run), paper=paper, llms=llms, seeds=len(SEEDS))
    return "\n".join([head, *smaller, *[not_run] * bool(missing)])


def _task(result: Result) -> str:
    asked = result["llm_zero_shot"]
    lines = [
        f"## {result['task']}\n",
        f"{result['test_rows']} test rows. {result['llm']} itself, asked without examples (its answers are "
        f"balanced by the label shares of {REAL_ROWS[0]} real rows): accuracy "
        f"{tables.score(asked)}, macro-F1 {tables.score(asked, 'macro_f1')}. Kept of the texts written: "
        + ", ".join(
            f"{method} {of['kept']} of {of['candidates']} ({of['rows']} used)"
            for method, of in result["methods"].items()
        )
        + ".\n",
    ]
    chance = 1 / len(load_card(result["task"]).labels)
    most = [of["arms"][f"real_{REAL_ROWS[1]}"]["accuracy"]["ci_low"] for of in result["students"].values()]
    if max(most) <= chance:
        lines.append(
            f"With {REAL_ROWS[1]} real rows alone no student is surely better than chance "
            f"({100 * chance:.0f} %), so what synthetic rows add can't be seen here.\n"
        )
    for metric, name in _METRICS.items():
        lines += _table(result, metric, name)
    return "\n".join(lines)


def _table(result: Result, metric: str, name: str) -> list[str]:
    sizes = " | ".join(f"{size} real | gain" for size in REAL_ROWS)
    rows = []
    for student, of in result["students"].items():
        arms, differences = of["arms"], of["differences"][metric]
        for method in ["none", *(method for method in METHODS if method in arms)]:
            made = method != "none"
            cells = [student, method, tables.score(arms[method], metric) if made else ""]
            for size, key in zip(REAL_ROWS, ("gain_few", "gain_many"), strict=True):
                cells.append(tables.score(arms[f"{method if made else 'real'}_{size}"], metric))
                cells.append(tables.gain(differences[key][method], metric) if made else "")
            rows.append(cells)
    return [f"{name}:\n", *tables.table(f"student | synthetic rows | none real | {sizes}", rows), ""]
