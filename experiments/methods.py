"""What methods of papers add to the plain way, with the same candidates: `python -m experiments.methods`.

Importance weights (IMP, DIMP; Kuo et al. 2024) against equal weights, and against the same rows filtered by
the classifier that the weights come from: once on candidates under the label that they were written for, as
in the paper, and once on those that the pipeline's filter keeps and relabels. Texts and label scores are
those of experiments.sources, in the cache. Writes metrics/methods/<task>.json and, from these,
docs/explanation/methods_measured.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from statsmodels.stats.multitest import multipletests

from experiments import tables
from experiments.sources import MPNET, task_params
from experiments.study.grid import Task, load_task
from experiments.study.run import keep, predict, write
from labelmint.core import paths
from labelmint.core.arms import training_sets
from labelmint.core.errors import DataError, run_command
from labelmint.core.params import Arm, Params
from labelmint.core.records import ArmRow, Kept, write_json
from labelmint.encoder.vectors import embed_by_source
from labelmint.llm import open_model
from labelmint.scoring.bootstrap import Bootstrap
from labelmint.scoring.compare import score_of
from labelmint.scoring.scores import ArmPredictions, Floats, scores_by_seed
from labelmint.students.base import Setting, Student, label_numbers
from labelmint.students.importance import real_probability
from labelmint.students.registry import open_student
from labelmint.students.weighting import weigh, weighted

TASKS = ["rotten_tomatoes", "bbc_news", "tweets"]
SEEDS = [1, 2, 3]
DRAWN = 0.8  # share of the kept rows that each seed draws
MAX_WEIGHT = 5.0
ROWS = {"as written": "none", "checked": "relabel"}  # and the `labelling.action` that makes them
REAL, PLAIN, FILTERED = "real", "equal", "filtered"
WEIGHTS: dict[str, dict[str, Any]] = {
    PLAIN: {},
    "imp": {"weights": "imp"},
    f"imp, at most {MAX_WEIGHT:g}": {"weights": "imp", "max_weight": MAX_WEIGHT},
    "dimp": {"weights": "dimp"},
    f"dimp, at most {MAX_WEIGHT:g}": {"weights": "dimp", "max_weight": MAX_WEIGHT},
}
RESULTS = paths.METRICS / "methods"
PAGE = Path("docs/explanation/methods_measured.md")


def main(*, page_only: bool = False) -> None:
    """Run the tasks whose results are missing, and write the page from those there are."""
    for name in () if page_only else TASKS:
        path = RESULTS / f"{name}.json"
        if not path.exists():
            print(f"methods: {name}", file=sys.stderr)
            write_json(path, run(load_task(method_params(name))))
    tables.write_page(PAGE, page, RESULTS, "python -m experiments.methods")


def method_params(task: str) -> Params:
    """Return the settings of `experiments.sources`, so that its texts are in the cache, with more seeds."""
    params = task_params(task, MPNET)
    return params.model_copy(update={"train": params.train.model_copy(update={"seeds": SEEDS})})


def run(task: Task) -> dict[str, Any]:
    """Return each weighting's score and its gain over equal weights."""
    with open_model(task.params.llm) as model:
        candidates, _ = write(task, model)
        kept = {name: keep(task, candidates, action, model) for name, action in ROWS.items()}
    student = open_student("linear_head", Setting(task.params, task.card))
    bootstrap = Bootstrap(
        task.truth,
        len(task.card.label_names),
        task.params.evaluate.bootstrap_samples,
        task.params.evaluate.seed,
    )
    result = {name: _weightings(task, student, rows, bootstrap) for name, rows in kept.items()}
    student.close()
    return {"task": task.params.task, "test_rows": len(task.truth), "weighting": result}


def _weightings(
    task: Task, student: Student, kept: Sequence[Kept], bootstrap: Bootstrap
) -> dict[str, dict[str, Any]]:
    synthetic = round(DRAWN * len(kept))
    arms = {PLAIN: Arm(real="all", synthetic=synthetic), REAL: Arm(real="all")}
    drawn = []
    for seed in SEEDS:
        sets, left_out = training_sets(arms, task.rows.train, [], kept, [], seed)
        for reason in left_out.values():
            raise DataError(f"methods: {task.params.task}: {reason}")
        drawn.append(sets)
    plain = [sets[PLAIN] for sets in drawn]
    predicted = {REAL: predict(task, student, REAL, [sets[REAL] for sets in drawn])}
    summaries: dict[str, dict[str, Any]] = {}
    for name, options in WEIGHTS.items():
        arm = Arm(real="all", synthetic=synthetic, **options)
        found = [_weighed(task, arm, rows, seed) for rows, seed in zip(plain, SEEDS, strict=True)]
        summaries[name] = found[0][1]
        predicted[name] = predict(task, student, name, [rows for rows, _ in found])
    likely = [_likely(task, rows, seed) for rows, seed in zip(plain, SEEDS, strict=True)]
    predicted[FILTERED] = predict(task, student, FILTERED, likely)
    return {
        name: {
            "train_rows": arm.train_rows,
            "accuracy": score_of(_accuracy(arm, bootstrap), bootstrap.scores(arm)),
            "gain": {} if name == PLAIN else _gain(arm, predicted[PLAIN], bootstrap),
            **summaries.get(name, {}),
        }
        for name, arm in predicted.items()
    }


def _weighed(
    task: Task, arm: Arm, rows: Sequence[ArmRow], seed: int
) -> tuple[Sequence[ArmRow], dict[str, Any]]:
    if arm.weights == "equal":
        return rows, {}
    labels = label_numbers(rows, task.card.label_names)
    found = weigh(arm, rows, labels, embed_by_source(task.params.train, rows), seed)
    return weighted(rows, found.weights), found.summary


def _likely(task: Task, rows: Sequence[ArmRow], seed: int) -> list[ArmRow]:
    """Return the real rows, and the made ones of whose label a classifier of real rows is rather sure."""
    labels = label_numbers(rows, task.card.label_names)
    probability = real_probability(rows, labels, embed_by_source(task.params.train, rows), seed)
    return [
        row for row, value in zip(rows, probability, strict=True) if row["source"] == "real" or value >= 0.5
    ]


def _accuracy(arm: ArmPredictions, bootstrap: Bootstrap) -> Floats:
    return scores_by_seed(arm, bootstrap.truth, bootstrap.labels, "accuracy")


def _gain(one: ArmPredictions, other: ArmPredictions, bootstrap: Bootstrap) -> dict[str, float]:
    means = [float(_accuracy(arm, bootstrap).mean()) for arm in (one, other)]
    return {"accuracy": round(means[0] - means[1], 4), **bootstrap.gain(one, other)}


def page(results: Sequence[Mapping[str, Any]]) -> str:
    """Return docs/explanation/methods_measured.md."""
    lines = [
        "# Methods of papers, measured\n",
        "Written by `python -m experiments.methods --page` from `metrics/methods/`; `python -m "
        "experiments.methods` runs it. Each method is compared with the plain way on the same candidates, "
        f"real rows and student (a linear head), with {len(SEEDS)} seeds, each of which draws {DRAWN:.0%} of "
        "the rows. Accuracy in per cent on test rows; differences in points, paired, with 95 % intervals; "
        "p-values are corrected for all comparisons of the table (Holm 1979).\n",
        "## Importance weights (Kuo et al. 2024)\n",
        "`weights: imp` and `weights: dimp` of an arm ([what they are](method.md#importance-weights)). "
        "*filtered* is the baseline without weights: made rows go whose label a classifier of the real rows "
        "finds unlikely (below 50 %). *Effective*: how many equally weighted rows the made ones are worth "
        "(Kish 1965).\n",
    ]
    entries = [
        (result["task"], rows, name, entry)
        for result in results
        for rows, of in result["weighting"].items()
        for name, entry in of.items()
    ]
    tested = [entry["gain"]["p_value"] for *_, name, entry in entries if entry["gain"] and name != REAL]
    adjusted = iter(multipletests(tested, method="holm")[1])
    lines += [
        "| task | rows | weights | accuracy | against equal | Holm p | rows, effective |",
        "|---|---|---|---|---|---|---|",
    ]
    for task, rows, name, entry in entries:
        gain = tables.gain(entry["gain"]) if entry["gain"] else "–"
        p_value = f"{next(adjusted):.3f}" if entry["gain"] and name != REAL else "–"
        of = entry.get("weighting", {})
        size = f"{of['made_rows']}, {of['effective_rows']:.0f}" if of else str(entry["train_rows"])
        lines.append(f"| {task} | {rows} | {name} | {tables.score(entry)} | {gain} | {p_value} | {size} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m experiments.methods", description=main.__doc__)
    parser.add_argument("--page", dest="page_only", action="store_true", help="only write the page")
    run_command(parser, "methods", main)
