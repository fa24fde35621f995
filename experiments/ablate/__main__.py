"""Measure what each rule of the filter gained: `python -m experiments.ablate`, after `make repro`.

Reads params.yaml, the task card, data/synthetic/kept.jsonl and rejected.jsonl, data/real/train.jsonl and
pool.jsonl, and no test rows; writes metrics/ablate.json and docs/results/ablation.md. Its constants are in
sets.py and gains.py. `--page` writes the page alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments import tables
from experiments.ablate.gains import Ablation, HeadTrainer
from experiments.ablate.page import page
from experiments.ablate.sets import DRAWS, SEEDS, Candidates, Scored, read_candidates, read_scored
from labelmint.core import paths
from labelmint.core.arrays import Floats32
from labelmint.core.errors import run_command
from labelmint.core.params import Params, load_params
from labelmint.core.progress import progress
from labelmint.core.records import Input, Labelled, read_rows, write_json
from labelmint.encoder.vectors import embed_rows
from labelmint.tasks.balance import class_balance
from labelmint.tasks.cards import load_card

METRICS = paths.METRICS / "ablate.json"
PAGE = Path("docs/results/ablation.md")


def main(*, page_only: bool = False) -> None:
    """Compare the accepted rows with those that each rule would have left in."""
    if not page_only:
        params = load_params()
        candidates = read_candidates(load_card(params.task).label_names)
        train: list[Labelled] = read_rows(paths.REAL_TRAIN)
        scored = read_scored(train)
        write_json(METRICS, ablate(params, candidates, scored, train))
    tables.write_page(PAGE, page, METRICS, "make ablate")


def ablate(
    params: Params, candidates: Candidates, scored: Scored, train: Sequence[Labelled]
) -> dict[str, Any]:
    """Return all of ablate.json."""
    card = load_card(params.task)
    shares = class_balance(params.class_balance, card, train)
    vectors = embed(params, [*candidates.rows, *train, *scored.rows])
    # Rows that are scored on can't be trained on.
    real = train if scored.source == "pool" else []
    with progress(0, "train", "students") as bar:
        ids = [row["id"] for row in candidates.rows]
        trainer = HeadTrainer(card.label_names, vectors, ids, scored.rows, bar.update)
        ablation = Ablation(params.evaluate, candidates, shares, trainer)
        bar.reset(ablation.students_needed() * (2 if real else 1))
        alone = ablation.compare()
        mixed = ablation.compare(real) if real else {}
    return {
        "task": params.task,
        "candidates": len(candidates.rows),
        "scored_on": {"rows": len(scored.rows), "source": scored.source, "note": scored.note},
        "seeds": list(SEEDS),
        "draws": DRAWS,
        **alone,
        # The same with the real training rows in every training set.
        "mixed": {"real_rows": len(real), **mixed},
    }


def embed(params: Params, rows: Sequence[Input]) -> dict[str, Floats32]:
    """Return the rows' vectors by id; a row that stands twice is embedded once."""
    distinct = list({row["id"]: row for row in rows}.values())
    with progress(len(distinct), "embed", "texts") as bar:
        vectors = embed_rows(params.train, distinct, bar.update)
    return {row["id"]: vector for row, vector in zip(distinct, vectors, strict=True)}


if __name__ == "__main__":
    run_command(tables.parser("ablate", main), "ablate", main)
