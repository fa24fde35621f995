"""Score every arm on the test labels.

The only reader of data/real/test_labels.jsonl. Reads also data/real/{train,test}.jsonl, data/predictions/ and
the metrics of arms, train, generate, top_up, filter and label; writes
metrics/{evaluate,predictions}.json, metrics/plots/ and data/evaluation/hardest.jsonl. Removes predictions,
metrics and curves of arms that dvc.lock has and params.yaml no longer declares.
Run alone: `python -m stages.evaluate`.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection
from pathlib import Path

from labelmint.core import paths
from labelmint.core.errors import DataError, run_stage
from labelmint.core.lock import read_file, recorded_arms
from labelmint.core.params import load_params
from labelmint.core.records import Labelled, read_rows, write_metrics, write_rows
from labelmint.scoring import tables
from labelmint.scoring.answers import write_answers
from labelmint.scoring.evaluation import evaluate, unscored
from labelmint.scoring.read import read_arm, read_inputs, read_left_out, read_minutes, read_truth
from labelmint.scoring.roles import Roles
from labelmint.scoring.rows import hardest, slices, subjectivity
from labelmint.scoring.tradeoffs import escalation, tradeoffs
from labelmint.tasks.balance import headline_metric
from labelmint.tasks.cards import load_card


def main() -> None:
    """Score every arm with intervals, and say what each source of rows is worth."""
    params = load_params()
    names = load_card(params.task).label_names
    truth = read_truth(names)
    inputs = read_inputs(truth)
    arms = [arm for name in params.arms if (arm := read_arm(name, truth, names))]
    if not arms:
        why = "; ".join(f"{name}: {reason}" for name, reason in read_left_out().items())
        raise DataError(f"params.yaml: arms: the data can fill none of them ({why}); declare another one")
    # Not real.rows: those labelled later are rows to work with, too.
    real_labels = [row["label"] for row in read_rows(paths.REAL_TRAIN, Labelled)]
    roles = Roles(arms, params.train.student, len(real_labels))
    metric = headline_metric(params.evaluate.metric, real_labels, names)
    curves = {}
    if truth.ids:
        result = evaluate(roles, truth.labels, names, params.evaluate, metric)
        for name, parts in slices(arms, truth.labels, names, inputs, params.evaluate).items():
            result["arms"][name]["slices"] = parts
        student = roles.main.probabilities[0]
        curves = {
            arm.arm: escalation(student, arm.probabilities[0], truth.labels)
            for arm in roles.language_models()
        }
    else:
        result = unscored(roles, metric)
    result = {
        "task": params.task,
        **result,
        **tradeoffs(result, roles, read_minutes()),
        "subjectivity": subjectivity(arms, len(names)),
        "left_out": read_left_out(),
    }
    _remove_others(params.arms)
    write_metrics(paths.EVALUATION, result)
    answers = write_answers(arms, truth.labels, names, inputs)
    write_metrics(paths.ANSWERS, {"task": params.task, **answers})
    write_rows(paths.HARDEST, hardest(arms, truth.labels, names, inputs))
    tables.write_confusion(paths.PLOTS / "confusion.csv", roles.main, truth.labels, names)
    tables.write_learning_curve(paths.PLOTS / "learning_curve.csv", result)
    tables.write_reliability(paths.PLOTS / "reliability.csv", arms, truth.labels)
    tables.write_escalation(paths.PLOTS / "escalation.csv", curves)


def _remove_others(declared: Collection[str]) -> None:
    """Remove what deleted arms left: dvc.lock would record it as part of a folder, which no clone has."""
    gone = []
    for arm in sorted({*recorded_arms(read_file)} - {*declared}):
        left = [paths.predictions(arm), paths.train_metrics(arm), paths.curves(arm)]
        for path in filter(Path.exists, left):
            gone.append(arm)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    if gone:
        arms = ", ".join(dict.fromkeys(gone))
        print(
            f"evaluate: note: removed what arms left that params.yaml no longer has: {arms}", file=sys.stderr
        )
    for path in paths.PREDICTIONS.glob("*.jsonl"):
        if path.stem not in declared:
            print(f"evaluate: note: {path} is no arm's, and dvc.lock records it; move it", file=sys.stderr)


if __name__ == "__main__":
    run_stage("evaluate", main)
