"""The rows that are compared: those that all rules accept, that one rule removed, and all; and real ones.

Which rule removed a row is what data/synthetic/rejected.jsonl says, so new rules show up by themselves.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from experiments.ablate.settings import Ablate
from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import Candidate, Kept, Labelled, Rejected, read_rows
from labelmint.labelling.verify import can_be_read

Labels = Mapping[str, str]  # of candidates, by id

_SURPLUS = "surplus"


@dataclass(frozen=True)
class Written:
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


def read_written(names: Sequence[str]) -> Written:
    """Read kept.jsonl and rejected.jsonl.

    Raises
    ------
    DataError
        If a file is missing, or its rows are of another task.
    """
    kept: list[Kept] = read_rows(paths.KEPT)
    rejected: list[Rejected] = read_rows(paths.REJECTED)
    for path, rows in ((paths.KEPT, kept), (paths.REJECTED, rejected)):
        unknown = sorted({row["label"] for row in rows} - {*names, ""})
        if unknown:
            raise DataError(f"{path}: labels {unknown} are not the task's; run `dvc repro`")
    return sort_out(kept, rejected)


def sort_out(kept: Sequence[Kept], rejected: Sequence[Rejected]) -> Written:
    """Put the candidates into the sets that are compared."""
    # A rejected row has the label that it was written for, whatever the filter judged; only what became of
    # the kept ones says whether it relabels.
    relabels = any(row["label"] != row["written_label"] for row in kept)
    accepted = {row["id"]: row["label"] for row in kept}
    removed: dict[str, dict[str, str]] = defaultdict(dict)
    counts: dict[str, int] = defaultdict(int)
    for row in rejected:
        label = judged_label(row) if relabels else row["label"]
        if row["rule"] == _SURPLUS:
            accepted[row["id"]] = label
            continue
        counts[row["rule"]] += 1
        if label:
            removed[row["rule"]][row["id"]] = label
    as_written: list[Candidate] = [*(as_candidate(row) for row in kept), *rejected]
    rows = sorted(as_written, key=lambda row: row["id"])
    finished = {row["id"]: row["label"] for row in rows if can_be_read(row)}
    most_first = sorted(counts, key=lambda rule: (-counts[rule], rule))
    return Written(
        rows,
        accepted,
        {rule: removed.get(rule, {}) for rule in most_first},
        {rule: counts[rule] for rule in most_first},
        finished,
    )


def as_candidate(row: Kept) -> Candidate:
    """Return a kept row with the label that it was written for."""
    written = row.copy()
    written["label"] = row["written_label"]
    return written


def judged_label(row: Rejected) -> str:
    """Return the label that the row is judged to have; the one that it was written for if nobody judged."""
    scores = row["label_scores"]
    return max(scores, key=lambda name: scores[name]) if scores else row["label"]


def read_scored(config: Ablate) -> Scored:
    """Draw the real rows to score on: never test rows, and training rows only where there are no others.

    `prepare` cuts one order of rows, in which no text stands twice, into training rows, then the pool, then
    the test rows (or takes those from a file of their own, and leaves its texts out of the order). So the
    pool shares no row with either of the two. The curve's arms, real_300 and so on, train on pool rows;
    nothing is trained on them here.

    Raises
    ------
    DataError
        If there are no real rows.
    """
    train: list[Labelled] = read_rows(paths.REAL_TRAIN)
    known = {row["id"] for row in train}
    pool: list[Labelled] = [row for row in read_rows(paths.REAL_POOL) if row["id"] not in known]
    if len(pool) >= config.min_scored_rows:
        draw = random.Random(f"{config.seeds[0]}:scored")
        return Scored(draw.sample(pool, min(config.scored_rows, len(pool))), "pool")
    if not train:
        raise DataError(
            f"{paths.REAL_POOL}: {len(pool)} rows, fewer than ablate.min_scored_rows in ablate/params.yaml, "
            f"and {paths.REAL_TRAIN} has none: there is nothing to score on"
        )
    return Scored(
        train,
        "train",
        f"the pool has only {len(pool)} rows, so the {len(train)} training rows are scored on: prompts "
        "showed them, and the labels' judge knows them, so that all numbers are too good; none is trained on",
    )
