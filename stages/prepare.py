"""Split the real rows into training rows, a pool of further rows, and a test set; take texts without labels.

Reads params.yaml, the task card and the rows it points at; writes data/real/ and metrics/prepare.json. As the
first stage it checks all settings. Run alone: `python -m stages.prepare`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from labelmint.checks import read_checked_task
from labelmint.core import paths
from labelmint.core.errors import run_stage
from labelmint.core.hashes import sha256
from labelmint.core.params import Params, load_params
from labelmint.core.records import TestLabel, input_of, write_metrics, write_rows
from labelmint.tasks.cards import Excerpt, TaskCard
from labelmint.tasks.data import TaskData, accounts, arms_without_rows
from labelmint.tasks.split import label_counts


def main() -> None:
    """Split the real rows into training rows, a pool, test inputs and test labels; take texts to label."""
    params = load_params()
    card, data = read_checked_task(params)
    for line in accounts(card, data):
        print(f"prepare: {line}", file=sys.stderr)
    note_arms(params, data)
    write_rows(paths.REAL_TRAIN, data.split.train)
    write_rows(paths.REAL_POOL, data.split.pool)
    write_rows(paths.TEST_INPUTS, map(input_of, data.split.test))
    write_rows(paths.TEST_LABELS, (TestLabel(id=row["id"], label=row["label"]) for row in data.split.test))
    write_rows(paths.UNLABELLED, data.unlabelled.rows)
    write_rows(paths.FACTS, data.facts.rows)
    write_metrics(paths.METRICS / "prepare.json", summary(card, data))


def summary(card: TaskCard, data: TaskData) -> dict[str, Any]:
    """Return the stage's metrics."""
    source, unlabelled, facts = data.source, data.unlabelled, data.facts
    return {
        "rows": len(source.rows),
        "left_out": source.left_out,
        "test_left_out": source.test_left_out,
        "excerpt": excerpt_summary(card.excerpt, source.cut),
        "labels": label_counts(source.rows),
        "train_labels": label_counts(data.split.train),
        "test_rows": len(data.split.test),
        "labelled_later": {"rows": len(data.later.rows), "left_out": data.later.left_out},
        "unlabelled": {
            "rows": len(unlabelled.rows),
            "from": "unlabelled" if card.unlabelled else "source",
            "left_out": unlabelled.left_out,
        },
        "facts": {"rows": len(facts.rows), "left_out": facts.left_out},
        # DVC doesn't watch installed packages; a later version of bundled rows shows here.
        "packages": source.packages,
        "sha256": source.sha256,
        # By which commands tell that a file was edited after the run.
        "files": {path: sha256(Path(path)) for path in card.files},
    }


def note_arms(params: Params, data: TaskData) -> None:
    """Print which arms want more rows than there are or can be."""
    for there, names in arms_without_rows(params, data).items():
        print(
            f"prepare: note: there are {there}, too few for the arms {', '.join(names)}; they are left out",
            file=sys.stderr,
        )


def excerpt_summary(excerpt: Excerpt | None, cut: int) -> dict[str, object]:
    """Return how long texts were cut, and how many rows that changed."""
    if excerpt is None:
        return {"words": 0, "from": "", "rows": 0}
    return {"words": excerpt.words, "from": excerpt.side, "rows": cut}


if __name__ == "__main__":
    run_stage("prepare", main)
