"""Split the real rows.

Reads the task card and the file it names; writes data/real/, the real arms' rows and metrics/prepare.json.
Run alone: `python -m stages.prepare`.
"""

from __future__ import annotations

from collections.abc import Iterable

from stages import paths
from stages.errors import run_stage
from stages.params import load_params
from stages.prepare.source import read_source
from stages.prepare.split import label_counts, split
from stages.records import ArmRow, Labelled, TestLabel, input_of, write_json, write_rows
from stages.tasks import load_card


def main() -> None:
    """Split the real rows into training rows, the real arms' rows, test inputs and test labels."""
    params = load_params()
    reading = read_source(load_card(params.task), params.task)
    real = params.real
    # Points of the curve that no arm asks for need not be there: with few labels nobody has 3,000.
    curve = [size for size in real.curve if f"real_{size}" in params.arms]
    parts = split(reading.rows, real.rows, curve, params.prepare.test_rows, params.prepare.seed)
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
            "labels": label_counts(reading.rows),
            "train_labels": label_counts(parts.train),
            "test_rows": len(parts.test),
        },
    )


def arm_rows(rows: Iterable[Labelled]) -> Iterable[ArmRow]:
    """Mark real rows as real."""
    return (ArmRow(**input_of(row), label=row["label"], source="real") for row in rows)


if __name__ == "__main__":
    run_stage("prepare", main)
