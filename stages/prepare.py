"""Split the real rows.

Reads the task card and the rows it points at; writes data/real/, the real arms' rows and
metrics/prepare.json. Run alone: `python -m stages.prepare`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from labelmint.core import paths
from labelmint.core.errors import DataError, run_stage
from labelmint.core.params import load_params
from labelmint.core.records import ArmRow, Labelled, TestLabel, input_of, write_json, write_rows
from labelmint.tasks.cards import Excerpt, card_path, load_card
from labelmint.tasks.source import read_source
from labelmint.tasks.split import label_counts, split


def main() -> None:
    """Split the real rows into training rows, the real arms' rows, test inputs and test labels."""
    params = load_params()
    card = load_card(params.task)
    real = params.real
    # Points of the curve that no arm asks for need not be there: with few labels nobody has 3,000.
    curve = [size for size in real.curve if f"real_{size}" in params.arms]
    if card.source is None and (real.rows or curve):
        raise DataError(
            f"{card_path(params.task)}: without a `source` there are no real rows; say real.rows: 0 and "
            "arms: [synthetic] in params.yaml"
        )
    reading = read_source(card, params.task)
    # Without a source there is nothing to test with, whatever prepare.test_rows says.
    test_rows = params.prepare.test_rows if card.source else 0
    own_test_rows = 0 if reading.test is not None else test_rows
    short = [size for size in curve if own_test_rows + size > len(reading.rows)]
    if short:
        print(
            f"prepare: note: {len(reading.rows)} rows, {own_test_rows} of them to test with, can't make the "
            f"curve's points {short}; they are left out",
            file=sys.stderr,
        )
    curve = [size for size in curve if size not in short]
    parts = split(reading.rows, real.rows, curve, test_rows, params.prepare.seed, reading.test)
    write_rows(paths.REAL_TRAIN, parts.train)
    write_rows(paths.REAL_POOL, parts.pool)
    write_rows(paths.TEST_INPUTS, map(input_of, parts.test))
    write_rows(paths.TEST_LABELS, (TestLabel(id=row["id"], label=row["label"]) for row in parts.test))
    write_rows(paths.arm_rows("real"), arm_rows(parts.train))
    for size in real.curve:
        write_rows(paths.arm_rows(f"real_{size}"), arm_rows(parts.curve.get(size, [])))
    write_json(
        paths.METRICS / "prepare.json",
        {
            "rows": len(reading.rows),
            "left_out": reading.left_out,
            "excerpt": excerpt_summary(card.excerpt, reading.cut),
            "labels": label_counts(reading.rows),
            "train_labels": label_counts(parts.train),
            "test_rows": len(parts.test),
        },
    )


def excerpt_summary(excerpt: Excerpt | None, cut: int) -> dict[str, Any]:
    """Say how long texts were cut, and how many rows that changed."""
    if excerpt is None:
        return {"words": 0, "from": "", "rows": 0}
    return {"words": excerpt.words, "from": excerpt.side, "rows": cut}


def arm_rows(rows: Iterable[Labelled]) -> Iterable[ArmRow]:
    """Mark real rows as real."""
    return (ArmRow(**input_of(row), label=row["label"], source="real") for row in rows)


if __name__ == "__main__":
    run_stage("prepare", main)
