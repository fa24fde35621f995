"""Write the training set of every arm.

Reads params.yaml's `arms`, data/real/train.jsonl and pool.jsonl, data/synthetic/kept.jsonl and
data/labelled/kept.jsonl; writes data/arms/<arm>.jsonl, empty for an arm that the data can't fill, and
metrics/arms.json.
Run alone: `python -m stages.arms`.
"""

from __future__ import annotations

import sys

from labelmint.core import paths
from labelmint.core.arms import rows_by_source, training_sets
from labelmint.core.errors import run_stage
from labelmint.core.params import load_params
from labelmint.core.records import Kept, Labelled, LabelledText, read_rows, write_metrics, write_rows


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
    for name, rows in sets.items():
        write_rows(paths.arm_rows(name), rows)
    for path in paths.ARMS.iterdir():  # DVC removes them before the stage, a run alone doesn't
        if path.is_file() and (path.suffix != ".jsonl" or path.stem not in sets):
            path.unlink()
    arms = {name: {**rows_by_source(rows), "student": params.student_of(name)} for name, rows in sets.items()}
    write_metrics(paths.METRICS / "arms.json", {"arms": arms, "left_out": left_out})


if __name__ == "__main__":
    run_stage("arms", main)
