"""Split the real rows into training rows, a pool of further rows, and a test set; take texts without labels.

Reads params.yaml, the task card and the rows it points at; writes data/real/ and metrics/prepare.json. As the
first stage it checks all settings. Run alone: `python -m stages.prepare`.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence

from labelmint.checks import check_names
from labelmint.core import paths
from labelmint.core.errors import DataError, run_stage
from labelmint.core.params import Params, load_params
from labelmint.core.records import Input, Labelled, TestLabel, input_of, write_json, write_rows
from labelmint.tasks.cards import Excerpt, card_path, load_card
from labelmint.tasks.source import read_source, read_unlabelled
from labelmint.tasks.split import label_counts, split


def main() -> None:
    """Split the real rows into training rows, a pool, test inputs and test labels."""
    params = load_params()
    check_names(params)
    card = load_card(params.task)
    if card.source is None and params.real.rows:
        raise DataError(
            f"{card_path(params.task)}: without a `source` there are no real rows; say real.rows: 0 and "
            "arms: {synthetic: {synthetic: all}} in params.yaml"
        )
    real = read_source(card, params.task)
    # Without a source there is nothing to test with, whatever prepare.test_rows says.
    test_rows = params.prepare.test_rows if card.source else 0
    parts = split(real.rows, params.real.rows, test_rows, params.prepare.seed, real.test)
    note_large_arms(params, [*parts.train, *parts.pool])
    unlabelled = read_unlabelled(card, params.task, [*real.rows, *(real.test or ())])
    texts = drawn(unlabelled.rows, params) if card.unlabelled else parts.pool
    texts = texts[: params.prepare.unlabelled_rows]
    write_rows(paths.UNLABELLED, map(input_of, texts))
    write_rows(paths.REAL_TRAIN, parts.train)
    write_rows(paths.REAL_POOL, parts.pool)
    write_rows(paths.TEST_INPUTS, map(input_of, parts.test))
    write_rows(paths.TEST_LABELS, (TestLabel(id=row["id"], label=row["label"]) for row in parts.test))
    write_json(
        paths.METRICS / "prepare.json",
        {
            "rows": len(real.rows),
            "left_out": real.left_out,
            "excerpt": excerpt_summary(card.excerpt, real.cut),
            "labels": label_counts(real.rows),
            "train_labels": label_counts(parts.train),
            "test_rows": len(parts.test),
            "unlabelled": {
                "rows": len(texts),
                "from": "unlabelled" if card.unlabelled else "source",
                "left_out": unlabelled.left_out,
                "sha256": unlabelled.sha256,
            },
            # DVC doesn't watch installed packages; a later version of bundled rows shows here.
            "packages": real.packages,
            "sha256": real.sha256,
        },
    )


def drawn(rows: Sequence[Input], params: Params) -> list[Input]:
    """Return the texts in a seeded order: files are often sorted."""
    order = list(rows)
    random.Random(f"{params.prepare.seed}:unlabelled").shuffle(order)
    return order


def note_large_arms(params: Params, rows: Sequence[Labelled]) -> None:
    """Print which arms want more real rows than there are beside the test rows."""
    names = [name for name, arm in params.arms.items() if arm.real != "all" and arm.real > len(rows)]
    if names:
        print(
            f"prepare: note: there are {len(rows)} real rows beside the test rows, too few for the arms "
            f"{', '.join(names)}; they are left out",
            file=sys.stderr,
        )


def excerpt_summary(excerpt: Excerpt | None, cut: int) -> dict[str, object]:
    """Return how long texts were cut, and how many rows that changed."""
    if excerpt is None:
        return {"words": 0, "from": "", "rows": 0}
    return {"words": excerpt.words, "from": excerpt.side, "rows": cut}


if __name__ == "__main__":
    run_stage("prepare", main)
