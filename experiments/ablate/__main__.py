"""Say what each rule of the filter bought: `python -m ablate`, or `make ablate`, after `make repro`.

Reads ablate/params.yaml, params.yaml, the task card, data/synthetic/kept.jsonl and rejected.jsonl,
data/real/train.jsonl and pool.jsonl, and no test rows; writes metrics/ablate.json and docs/ablate.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.ablate.gains import Ablation
from experiments.ablate.page import page
from experiments.ablate.rows import Scored, Written, read_scored, read_written
from experiments.ablate.settings import Ablate, load_settings
from experiments.ablate.students import Students
from labelmint.core import paths
from labelmint.core.errors import add_debug_flag, one_line_errors
from labelmint.core.params import Params, Train, load_params
from labelmint.core.progress import progress
from labelmint.core.records import Input, Labelled, atomic_file, read_rows, write_json
from labelmint.encoder.embedding import embed_rows
from labelmint.encoder.linear import Floats
from labelmint.tasks.balance import class_balance
from labelmint.tasks.cards import load_card

METRICS = paths.METRICS / "ablate.json"
PAGE = Path("docs/ablate.md")


def main() -> None:
    """Compare the accepted rows with those that each rule would have left in."""
    config, params = load_settings(), load_params()
    names = load_card(params.task).label_names
    written, scored = read_written(names), read_scored(config)
    train: list[Labelled] = read_rows(paths.REAL_TRAIN)
    found = ablate(config, params, written, scored, train)
    write_json(METRICS, found)
    with atomic_file(PAGE) as file:
        file.write(page(found))


def ablate(
    config: Ablate, params: Params, written: Written, scored: Scored, train: Sequence[Labelled]
) -> dict[str, Any]:
    """Return all of ablate.json."""
    card = load_card(params.task)
    shares = class_balance(params.class_balance, card, train)
    vectors = embedded(params.train, [*written.rows, *train, *scored.rows])
    ids = [row["id"] for row in written.rows]
    # Rows that are scored on can't be trained on.
    real = train if scored.source == "pool" else []
    with progress(0, "train", "students") as bar:
        students = Students(config, card.label_names, vectors, ids, scored.rows, bar.update)
        ablation = Ablation(config, params.evaluate, written, shares, students)
        bar.reset(ablation.students_needed() * (2 if real else 1))
        alone = ablation.compare()
        mixed = ablation.compare(real) if real else {}
    return {
        "task": params.task,
        "candidates": len(written.rows),
        "scored_on": {"rows": len(scored.rows), "source": scored.source, "note": scored.note},
        "seeds": config.seeds,
        "draws": config.draws,
        **alone,
        # The same with the real training rows in every training set.
        "mixed": {"real_rows": len(real), **mixed},
    }


def embedded(config: Train, rows: Sequence[Input]) -> dict[str, Floats]:
    """Return the rows' vectors by id; a row that stands twice is embedded once."""
    once = list({row["id"]: row for row in rows}.values())
    with progress(len(once), "embed", "texts") as bar:
        vectors = embed_rows(config, once, bar.update)
    return {row["id"]: vector for row, vector in zip(once, vectors, strict=True)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m ablate", description=main.__doc__)
    add_debug_flag(parser)
    arguments = parser.parse_args()
    with one_line_errors("ablate", debug=arguments.debug):
        main()
