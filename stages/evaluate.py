"""Score every arm and every baseline on the test labels.

The only reader of data/real/test_labels.jsonl. Reads also data/real/test.jsonl, data/predictions/,
data/baselines/, metrics/train/ and metrics/baselines.json; writes metrics/evaluate.json, metrics/plots/ and
data/evaluation/hardest.jsonl. Run alone: `python -m stages.evaluate`.
"""

from __future__ import annotations

from labelmint.core import paths
from labelmint.core.errors import DataError, run_stage
from labelmint.core.params import load_params
from labelmint.core.records import write_json, write_rows
from labelmint.scoring.compare import compare, unscored
from labelmint.scoring.read import (
    read_baselines,
    read_draws,
    read_inputs,
    read_predictions,
    read_truth,
    train_rows,
)
from labelmint.scoring.rows import hardest, subjectivity
from labelmint.scoring.slices import slices
from labelmint.scoring.tables import write_confusion, write_learning_curve, write_reliability
from labelmint.tasks.cards import load_card


def main() -> None:
    """Score every arm with intervals, and say how many real labels the synthetic data is worth."""
    params = load_params()
    config, names = params.evaluate, load_card(params.task).label_names
    truth = read_truth(names)
    inputs = read_inputs(truth)
    arms = [read_predictions(arm, truth, names) for arm in params.arms if train_rows(arm)]
    if not arms:
        raise DataError(
            "params.yaml: arms: the data is too small for all of them; name real, or lower real.curve"
        )
    baselines, answers = read_baselines(truth, names), read_draws(names)
    if truth.ids:
        result = compare(arms, truth.labels, names, config, baselines)
        for arm, own in slices(arms, truth.labels, names, inputs, config).items():
            result["arms"][arm]["slices"] = own
    else:
        result = unscored(arms)
    result = {"task": params.task, **result, "subjectivity": subjectivity(answers, len(names))}
    write_json(paths.METRICS / "evaluate.json", result)
    write_rows(paths.HARDEST, hardest(arms, truth.labels, names, inputs))
    deployed = next((arm for arm in arms if arm.arm == "mixed"), arms[0])
    write_confusion(paths.PLOTS / "confusion.csv", deployed, truth.labels, names)
    write_learning_curve(paths.PLOTS / "learning_curve.csv", result["arms"] if truth.ids else {})
    write_reliability(paths.PLOTS / "reliability.csv", [*arms, *baselines], truth.labels)


if __name__ == "__main__":
    run_stage("evaluate", main)
