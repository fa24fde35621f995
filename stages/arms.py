"""Write the training set of every arm.

Reads params.yaml's `arms`, data/real/train.jsonl and pool.jsonl, kept.jsonl and rejected.jsonl of
data/synthetic and data/labelled; writes data/arms/<arm>.jsonl, empty for an arm that the data can't fill,
data/arms/unclear/<arm>.jsonl, which is trained on only while real rows are held out, and metrics/arms.json.
Run alone: `python -m stages.arms`.
"""

from __future__ import annotations

import sys

from labelmint.core import paths
from labelmint.core.arms import rows_by_source, training_sets, unclear_sets
from labelmint.core.errors import run_stage
from labelmint.core.params import load_params
from labelmint.core.records import (
    Kept,
    Labelled,
    LabelledText,
    Rejected,
    RejectedText,
    read_rows,
    write_metrics,
    write_rows,
)


def main() -> None:
    """Write the training set of every arm."""
    params = load_params()
    train, pool = (read_rows(path, Labelled) for path in (paths.REAL_TRAIN, paths.REAL_POOL))
    kept, labelled = read_rows(paths.KEPT, Kept), read_rows(paths.LABELLED, LabelledText)
    sets, left_out = training_sets(params.arms, train, pool, kept, labelled, params.filter.seed)
    for name, rows in sets.items():
        if len({row["label"] for row in rows}) == 1:  # no student learns from them
            left_out[name] = f"its {len(rows)} rows all have the label {rows[0]['label']!r}"
            sets[name] = []
    for name, reason in left_out.items():
        print(f"arms: note: arms.{name} is left out: {reason}", file=sys.stderr)
    counts = {"synthetic": len(kept), "unlabelled": len(labelled)}
    rejected = {
        "synthetic": read_rows(paths.REJECTED, Rejected),
        "unlabelled": read_rows(paths.LABELLED_REJECTED, RejectedText),
    }
    unclear = unclear_sets(sets, counts, rejected, params.filter.seed)
    files = {paths.arm_rows(name): rows for name, rows in sets.items()}
    files |= {paths.unclear_rows(name): rows for name, rows in unclear.items()}
    for path, rows in files.items():
        write_rows(path, rows)
    for path in paths.ARMS.rglob("*"):  # DVC removes them before the stage, a run alone doesn't
        if path.is_file() and path not in files:
            path.unlink()
    arms = {name: {**rows_by_source(rows), "student": params.student_of(name)} for name, rows in sets.items()}
    write_metrics(paths.METRICS / "arms.json", {"arms": arms, "left_out": left_out})


if __name__ == "__main__":
    run_stage("arms", main)
