"""What few labels give with each source of made rows, by task, language model and student.

`python -m experiments.sources [TASK …] [--llm NAME]` adds the results that are missing. Each student learns
from the real rows alone, with written texts, with texts that exist already and were labelled, with the *true*
labels of the same texts, and with both sources, weighted as chosen by cross-validation. Texts and label
scores are in the cache: a stopped run resumes. Writes metrics/sources/<task>.json, or <task>-<llm>.json for
another language model than params.yaml's, and from these docs/results/sources.md (`--page`: the page alone).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from experiments import tables
from experiments.engine import Task, filter_rows, load_task, predict, write
from labelmint.core import paths
from labelmint.core.arms import training_sets, unclear_sets
from labelmint.core.errors import DataError, run_command
from labelmint.core.params import LLM_STUDENTS, Arm, Params, load_params
from labelmint.core.records import ArmRow, Input, Kept, Rejected, input_of, read_json, write_json
from labelmint.labelling.folds import add_fold_labels
from labelmint.labelling.scores import LabelScores, score_labels
from labelmint.llm import open_model
from labelmint.rules.texts import filter_texts
from labelmint.scoring.evaluation import evaluate
from labelmint.scoring.roles import Roles
from labelmint.scoring.scores import ArmPredictions
from labelmint.students.base import Setting
from labelmint.students.registry import open_student
from labelmint.students.weighting import weigh

TASKS = ["rotten_tomatoes", "bbc_news", "tweets", "imdb"]
MINILM, MPNET = "minilm-l6-v2", "mpnet-base-v2"
STUDENTS = {  # what the page calls it: encoder and student
    MINILM: (MINILM, "linear_head"),
    MPNET: (MPNET, "linear_head"),
    f"{MINILM}, fine-tuned": (MINILM, "fine_tune"),  # where there is a GPU: minutes for each arm on a CPU
    f"{MPNET}, fine-tuned": (MPNET, "fine_tune"),
}
CANDIDATES, TEXTS = 1152, 1000
REAL_ROWS = 1000  # of the arm that shows what more labels would give
ARMS = {
    "real": Arm(real="all"),
    "mixed": Arm(real="all", synthetic="all"),
    "labelled": Arm(real="all", unlabelled="all"),
    "everything": Arm(real="all", synthetic="all", unlabelled="all", weights="chosen"),
    "more_real": Arm(real=REAL_ROWS),
}
RESULTS = paths.METRICS / "sources"
PAGE = Path("docs/results/sources.md")


def main(*, tasks: Sequence[str] = (), llm: str | None = None, page_only: bool = False) -> None:
    """Add the results that are missing, of all tasks unless some are named, and write the page."""
    for name in () if page_only else tasks or TASKS:
        path = RESULTS / (f"{name}-{llm}.json" if llm else f"{name}.json")
        result = read_json(path) or {}
        for student in STUDENTS:
            slow = STUDENTS[student][1] == "fine_tune" and not torch.cuda.is_available()
            if slow or student in result.get("students", ()):
                continue
            print(f"sources: {name}, {student}", file=sys.stderr)
            task = load_task(task_params(name, student, llm))
            about = {"task": name, "llm": task.params.llm.model, "test_rows": len(task.test)}
            result = result or {**about, "device": _device()}
            result.setdefault("students", {})[student] = run(task)
            write_json(path, result)
    tables.write_page(PAGE, page, RESULTS, "python -m experiments.sources")


def _device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "a CPU"


def task_params(task: str, student: str = MINILM, llm: str | None = None) -> Params:
    """Return params.yaml with another task, student, language model and number of texts."""
    params, (encoder, kind) = load_params(), STUDENTS[student]
    return params.changed(
        {
            "task": task,
            "arms": {"real": {"real": "all"}},
            "llm.model": llm or params.llm.model,
            "generate.candidates": CANDIDATES,
            "train.encoder": encoder,
            "train.student": kind,
            "train.seeds": [1],
        }
    )


def run(task: Task) -> dict[str, Any]:
    """Write and label texts, and train a student on each source of them."""
    texts = [input_of(row) for row in task.rows.pool[:TEXTS]]
    with open_model(task.params.llm) as model:
        candidates = write(task, model)
        kept, rejected = filter_rows(task, candidates, "relabel", model)
        scores = score_labels(task, texts, model)
    return _trained(task, kept, rejected, texts, scores)


def _trained(
    task: Task,
    kept: Sequence[Kept],
    rejected: Sequence[Rejected],
    texts: Sequence[Input],
    scores: LabelScores,
) -> dict[str, Any]:
    params, names = task.params, task.card.label_names
    clear, not_clear = filter_texts(task, texts, scores.texts)
    labelled = add_fold_labels(task, clear, scores.without_folds)
    rejected_texts = add_fold_labels(task, not_clear, scores.without_folds)
    true = {row["id"]: row["label"] for row in task.rows.pool}
    sets, left_out = training_sets(ARMS, task.train, task.rows.pool, kept, labelled, params.filter.seed)
    for name in left_out.keys() - {"more_real"}:
        raise DataError(f"sources: {params.task}, {name}: {left_out[name]}")
    sets = {name: rows for name, rows in sets.items() if name not in left_out}
    counts = {"synthetic": len(kept), "unlabelled": len(labelled)}
    by_source = {"synthetic": rejected, "unlabelled": rejected_texts}
    unclear = unclear_sets(sets, counts, by_source, params.filter.seed)
    sets["true_labels"] = [
        cast(ArmRow, {**input_of(row), "label": true[row["id"]], "source": "unlabelled"})
        if row["source"] == "unlabelled"
        else row
        for row in sets["labelled"]
    ]
    arm, both, config = ARMS["everything"], sets["everything"], params.train
    weighted, weighted_unclear, chosen = weigh(
        arm, both, unclear["everything"], names, config, config.seeds[0]
    )
    sets["everything"], unclear["everything"] = [*weighted], [*weighted_unclear]
    arms = _predictions(task, sets, unclear)
    roles = Roles(arms, params.train.student, len(task.train))
    scored = evaluate(roles, task.truth, names, params.evaluate)
    right = {row["id"]: names[int(scores.texts[row["id"]].argmax())] == true[row["id"]] for row in texts}
    return {
        "synthetic": len(kept),
        "unlabelled": len(labelled),
        "label_accuracy": {
            "all": round(float(np.mean([*right.values()])), 4),
            "kept": round(float(np.mean([right[row["id"]] for row in labelled])), 4),
            "real_rows": scores.accuracy,
        },
        "weights": chosen["weights"],
        "arms": {
            name: {key: entry[key] for key in ("train_rows", "accuracy", "macro_f1", "calibration_error")}
            for name, entry in scored["arms"].items()
        },
        "gain": {name: scored["gain"].get(f"{name}_vs_real") for name in ("mixed", "labelled", "everything")},
    }


def _predictions(
    task: Task, sets: Mapping[str, Sequence[ArmRow]], unclear: Mapping[str, Sequence[ArmRow]]
) -> list[ArmPredictions]:
    student = open_student(task.params.train.student, Setting(task.params, task.card))
    arms = [predict(task, student, name, [rows], unclear.get(name, ())) for name, rows in sets.items()]
    for name in LLM_STUDENTS:  # from the cache for all students but the first
        asked = open_student(name, Setting(task.params, task.card))
        arms.append(predict(task, asked, name, [sets["real"]]))
        asked.close()
    return arms


def page(results: Sequence[Mapping[str, Any]]) -> str:
    """Return docs/results/sources.md."""
    of_all = [of for result in results for of in result["students"].values()]
    real = " or ".join(map(str, sorted({_real_rows(of) for of in of_all})))
    lines = [
        f"# What each source of rows adds to {real} labels\n",
        "Written by `python -m experiments.sources --page` from `metrics/sources/`; `python -m "
        "experiments.sources` runs it. Accuracy in per cent on "
        f"{' or '.join(sorted({str(result['test_rows']) for result in results}))} test rows with 95 % "
        "intervals. Students are linear heads on the named encoder, or the whole encoder fine-tuned. "
        f"*Written*: accepted ones of {CANDIDATES} candidates; *labelled*: {TEXTS} texts that exist "
        "already, labelled by the pool of scorers, those with a clear label; *true labels*: the same texts "
        "with the labels that people gave; *both*: written and labelled ones, weighted as chosen by "
        f"cross-validation on the {real} real rows.\n",
    ]
    tasks = dict.fromkeys([*TASKS, *(result["task"] for result in results)])
    by_task = {task: [result for result in results if result["task"] == task] for task in tasks}
    lines += _by_model([result for of_task in by_task.values() for result in of_task])
    for task, of_task in by_task.items():
        lines += [f"## {task}\n"] if of_task else []
        for result in of_task:
            lines += _table(result)
    return "\n".join(lines) + "\n"


def _by_model(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the table of language models and encoders, with what made rows of all kinds gain at most."""
    rows = []
    for result in results:
        for student, of in result["students"].items():
            gains = {arm: gain for arm, gain in of["gain"].items() if gain}  # none of an arm without rows
            best = max(gains, key=lambda arm: float(gains[arm]["accuracy"]), default="–")
            right = [of["arms"]["llm"]["accuracy"]["mean"], of["label_accuracy"]["all"]]
            percents = [f"{100 * share:.1f}" for share in right]
            cells = [best, tables.gain(gains[best]) if gains else "–"]
            rows.append([result["task"], result["llm"], student, *percents, *cells])
    columns = "task | language model | student | its answers right | labels right | best arm | gain"
    meaning = (
        "*Its answers right*: the language model's own, on the test rows, shown some of the real rows. "
        "*Labels right*: those that the pool of scorers gives to the texts. *Best arm*: of mixed (written "
        "rows), labelled and everything (both), the one that gains most over the real rows alone; the best "
        "of three is a little flattered by chance.\n"
    )
    return ["## By language model and encoder\n", meaning, *tables.table(columns, rows), ""]


def _real_rows(student: Mapping[str, Any]) -> int:
    return int(student["arms"]["real"]["train_rows"])


def _table(result: Mapping[str, Any]) -> list[str]:
    first = next(iter(result["students"].values()))
    asked = [f"`{name}` {tables.score(first['arms'][name])}" for name in LLM_STUDENTS]
    rows = []
    for student, of in result["students"].items():
        right = of["label_accuracy"]
        arms = [
            tables.score(of["arms"][name]) if name in of["arms"] else "–"
            for name in ("real", "mixed", "labelled", "everything", "true_labels", "more_real")
        ]
        labels = f"{100 * right['all']:.1f} ({100 * right['kept']:.1f} of {of['unlabelled']})"
        rows.append([student, labels, *arms])
    columns = f"student | labels right (kept) | {_real_rows(first)} real | + written | + labelled"
    lines = [
        f"Written and labelled by {result['llm']} on {result['device']}, which by itself scores: "
        f"{', '.join(asked)}.\n",
        *tables.table(f"{columns} | + both | + true labels | {REAL_ROWS} real", rows),
    ]
    for student, of in result["students"].items():
        gains = [f"{name} {tables.gain(gain)}" for name, gain in of["gain"].items() if gain]
        lines.append(f"\nGains with {student}: {'; '.join(gains)}; weights {of['weights']}.")
    return [*lines, ""]


if __name__ == "__main__":
    parser = tables.parser("sources", main, TASKS)
    parser.add_argument("--llm", metavar="NAME", help="another language model of data/models.yaml")
    run_command(parser, "sources", main)
