"""The sets of rows to compare, and the real rows to score on."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import Candidate, Kept, Labelled, Rejected, read_rows
from labelmint.rules.filtering import can_be_scored

Labels = Mapping[str, str]  # candidate id → label


SEEDS = (1, 2, 3)  # of the orders in which rows are taken, and of the folds that choose the linear head's C
DRAWS = 4  # random removals per seed, to compare each rule with; one draw has no spread
# Pool rows to score on at most; with fewer than the second number, the training rows are scored on instead.
SCORED_ROWS, MIN_SCORED_ROWS = 2000, 200


@dataclass(frozen=True)
class Candidates:
    """All candidates of the last run, and the labels that they have in each of the sets.

    `accepted` passed every rule, whether or not they were kept. `removed` holds, by rule, the rows that
    broke it before any other, with the labels that they would have been kept with; `counts` counts them,
    those without a label to train on included. `finished` are all texts that ended, as they were written.
    """

    rows: list[Candidate]
    accepted: Labels
    removed: dict[str, Labels]
    counts: dict[str, int]
    finished: Labels


@dataclass(frozen=True)
class Scored:
    """The real rows to score on, where they come from, and why not from the pool, if they don't."""

    rows: list[Labelled]
    source: Literal["pool", "train"]
    note: str = ""


def read_candidates(names: Sequence[str]) -> Candidates:
    """Read kept.jsonl and rejected.jsonl; raise `DataError` if one is missing or of another task."""
    kept: list[Kept] = read_rows(paths.KEPT)
    rejected: list[Rejected] = read_rows(paths.REJECTED)
    for path, rows in ((paths.KEPT, kept), (paths.REJECTED, rejected)):
        unknown = sorted({row["label"] for row in rows} - {*names, ""})
        if unknown:
            raise DataError(f"{path}: labels {unknown} are not the task's; run `dvc repro`")
    return sort_candidates(kept, rejected)


def sort_candidates(kept: Sequence[Kept], rejected: Sequence[Rejected]) -> Candidates:
    """Put the candidates into the sets that are compared."""
    # Only what became of the kept rows tells whether the filter relabels.
    relabels = any(row["label"] != row["judged_label"] for row in kept)
    accepted = {row["id"]: row["judged_label"] for row in kept}
    removed: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rejected:
        scores = row["label_scores"]
        label = max(scores, key=lambda name: scores[name]) if relabels and scores else row["label"]
        if row["rule"] == "surplus":  # accepted, but not needed
            accepted[row["id"]] = label
        elif label:
            removed[row["rule"]][row["id"]] = label
    rows: list[Candidate] = sorted([*kept, *rejected], key=lambda row: row["id"])
    counts = Counter(row["rule"] for row in rejected if row["rule"] != "surplus")
    rules = sorted(counts, key=lambda rule: (-counts[rule], rule))
    return Candidates(
        rows,
        accepted,
        {rule: removed[rule] for rule in rules},
        {rule: counts[rule] for rule in rules},
        {row["id"]: row["label"] for row in rows if can_be_scored(row)},
    )


def read_scored(train: Sequence[Labelled]) -> Scored:
    """Draw the real rows to score on: never test rows, and training rows only where there are no others.

    The pool shares no row with the training and the test rows (labelmint/tasks/split.py). Arms of more real
    rows train on pool rows; nothing is trained on them here. Raise `DataError` if there are no real rows.
    """
    pool: list[Labelled] = read_rows(paths.REAL_POOL)
    if len(pool) >= MIN_SCORED_ROWS:
        draw = random.Random(f"{SEEDS[0]}:scored")
        return Scored(draw.sample(pool, min(SCORED_ROWS, len(pool))), "pool")
    if not train:
        raise DataError(
            f"{paths.REAL_POOL}: {len(pool)} rows, fewer than {MIN_SCORED_ROWS}, and "
            f"{paths.REAL_TRAIN} has none: there is nothing to score on"
        )
    return Scored(
        list(train),
        "train",
        f"the pool has only {len(pool)} rows, so the {len(train)} training rows are scored on: prompts "
        "showed them, and the label scorers know them, so that all numbers are too good; none is trained on",
    )
