"""Label the texts that came without labels, as far as a label scores clearly best.

Reads the task card, data/real/train.jsonl, unlabelled.jsonl and test.jsonl (inputs only); writes
data/labelled/kept.jsonl and rejected.jsonl, which partition the texts, and metrics/label.json.
Run alone: `python -m stages.label`.
"""

from __future__ import annotations

from labelmint.core import paths
from labelmint.core.errors import run_stage
from labelmint.core.params import load_params
from labelmint.core.records import Input, Labelled, read_rows, write_metrics, write_rows
from labelmint.labelling.folds import add_fold_labels
from labelmint.labelling.scores import LabelScores, score_labels
from labelmint.llm import open_model
from labelmint.rules.texts import filter_texts, summary
from labelmint.tasks.cards import load_card
from labelmint.tasks.task import Task


def main() -> None:
    """Label the texts; write those with a clear label and the others."""
    params = load_params()
    train, test = read_rows(paths.REAL_TRAIN, Labelled), read_rows(paths.TEST_INPUTS, Input)
    task = Task(params, load_card(params.task), train, test)
    texts: list[Input] = read_rows(paths.UNLABELLED, Input)
    scores = LabelScores()
    if texts:
        with open_model(params.llm) as model:
            scores = score_labels(task, texts, model)
    kept, rejected = filter_texts(task, texts, scores.texts)
    write_rows(paths.LABELLED, add_fold_labels(task, kept, scores.without_folds))
    write_rows(paths.LABELLED_REJECTED, add_fold_labels(task, rejected, scores.without_folds))
    write_metrics(paths.METRICS / "label.json", {**summary(task.card, kept, rejected), **scores.summary()})


if __name__ == "__main__":
    run_stage("label", main)
