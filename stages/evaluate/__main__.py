"""Score every arm on the test labels.

The only reader of data/real/test_labels.jsonl. Reads also data/predictions/ and metrics/train/; writes
metrics/evaluate.json and metrics/plots/. Run alone: `python -m stages.evaluate`.
"""

from __future__ import annotations

from stages import paths
from stages.errors import DataError, run_stage
from stages.evaluate.compare import compare, unscored
from stages.evaluate.read import read_predictions, read_truth, train_rows
from stages.evaluate.tables import write_confusion, write_learning_curve
from stages.params import load_params
from stages.records import write_json
from stages.tasks import load_card


def main() -> None:
    """Score every arm with intervals, and say how many real labels the synthetic data is worth."""
    params = load_params()
    names = load_card(params.task).label_names
    truth = read_truth(names)
    arms = [read_predictions(arm, truth, names) for arm in params.arms if train_rows(arm)]
    if not arms:
        raise DataError(
            "params.yaml: arms: the data is too small for all of them; name real, or lower real.curve"
        )
    scored = compare(arms, truth.labels, names, params.evaluate) if truth.ids else unscored(arms)
    result = {"task": params.task, **scored}
    write_json(paths.METRICS / "evaluate.json", result)
    deployed = next((arm for arm in arms if arm.arm == "mixed"), arms[0])
    write_confusion(paths.PLOTS / "confusion.csv", deployed, truth.labels, names)
    write_learning_curve(paths.PLOTS / "learning_curve.csv", result["arms"] if truth.ids else {})


if __name__ == "__main__":
    run_stage("evaluate", main)
