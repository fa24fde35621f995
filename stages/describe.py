"""Describe the kept texts beside the real ones: diversity, distributions, and whether they can be told apart.

Reads the task card, data/real/train.jsonl and pool.jsonl, and data/synthetic/kept.jsonl; writes
metrics/data.json, whose numbers docs/explanation/data_metrics.md explains.
Run alone: `python -m stages.describe`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from labelmint.core import paths
from labelmint.core.arrays import Floats32
from labelmint.core.errors import run_stage
from labelmint.core.params import Train, load_params
from labelmint.core.progress import progress
from labelmint.core.records import Input, Kept, Labelled, input_of, read_rows, write_metrics
from labelmint.describe.subsamples import Sampling
from labelmint.describe.summary import describe
from labelmint.encoder.vectors import embed_rows
from labelmint.tasks.cards import load_card


def main() -> None:
    """Write how the synthetic texts compare with the real ones."""
    params = load_params()
    names = load_card(params.task).label_names
    train, pool = (read_rows(path, Labelled) for path in (paths.REAL_TRAIN, paths.REAL_POOL))
    kept = read_rows(paths.KEPT, Kept)
    synthetic = [Labelled(**input_of(row), label=row["judged_label"]) for row in kept]
    result = describe(Sampling(), names, train, pool, synthetic, partial(embed, params.train))
    write_metrics(paths.METRICS / "data.json", {"task": params.task, **result})


def embed(config: Train, texts: Sequence[str]) -> Floats32:
    """Return the texts' vectors by the frozen encoder."""
    rows = [Input(id=str(number), text=text) for number, text in enumerate(texts)]
    with progress(len(rows), "embed", "texts") as bar:
        return embed_rows(config, rows, bar.update)


if __name__ == "__main__":
    run_stage("describe", main)
