"""Score every arm on the test labels.

The only reader of data/real/test_labels.jsonl. Reads also data/real/test.jsonl, data/predictions/,
metrics/train/ and metrics/arms.json; writes metrics/evaluate.json, metrics/plots/ and
data/evaluation/hardest.jsonl.
Run alone: `python -m stages.evaluate`.
"""

from __future__ import annotations

from labelmint.core import paths
from labelmint.core.errors import DataError, run_stage
from labelmint.core.params import load_params
from labelmint.core.records import write_json, write_rows
from labelmint.scoring.compare import compare, unscored
from labelmint.scoring.read import read_arm, read_inputs, read_left_out, read_truth
from labelmint.scoring.roles import Roles
from labelmint.scoring.rows import hardest, subjectivity
from labelmint.scoring.slices import slices
from labelmint.scoring.tables import write_confusion, write_learning_curve, write_reliability
from labelmint.tasks.cards import load_card


def main() -> None:
    """Score every arm with intervals, and say how many real labels the synthetic data is worth."""
    params = load_params()
    names = load_card(params.task).label_names
    truth = read_truth(names)
    inputs = read_inputs(truth)
    arms = [arm for name in params.arms if (arm := read_arm(name, truth, names))]
    if not arms:
        raise DataError("params.yaml: arms: the data can fill none of them; declare one with fewer rows")
    roles = Roles(arms, params.train.student, params.real.rows)
    if truth.ids:
        result = compare(roles, truth.labels, names, params.evaluate)
        for name, parts in slices(arms, truth.labels, names, inputs, params.evaluate).items():
            result["arms"][name]["slices"] = parts
    else:
        result = unscored(roles)
    result = {
        "task": params.task,
        **result,
        "subjectivity": subjectivity(arms, len(names)),
        "left_out": read_left_out(),
    }
    write_json(paths.METRICS / "evaluate.json", result)
    write_rows(paths.HARDEST, hardest(arms, truth.labels, names, inputs))
    write_confusion(paths.PLOTS / "confusion.csv", roles.main, truth.labels, names)
    write_learning_curve(paths.PLOTS / "learning_curve.csv", result["arms"] if truth.ids else {})
    write_reliability(paths.PLOTS / "reliability.csv", arms, truth.labels)


if __name__ == "__main__":
    run_stage("evaluate", main)
