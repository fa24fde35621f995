"""Keep the candidates that are well-formed, new, not in the test set, and labelled right.

Reads the task card, data/real/train.jsonl and test.jsonl (inputs only), data/synthetic/candidates.jsonl and
then more.jsonl; writes data/synthetic/kept.jsonl and rejected.jsonl, which partition the candidates,
data/arms/synthetic.jsonl, mixed.jsonl and their smaller versions, and metrics/filter.json.
Run alone: `python -m stages.filter`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from labelmint.core import paths
from labelmint.core.errors import run_stage
from labelmint.core.params import TAGS, Filter, Params, load_params
from labelmint.core.records import (
    PROFILES,
    ArmRow,
    Candidate,
    Input,
    Kept,
    Labelled,
    Note,
    Rejected,
    input_of,
    read_rows,
    write_json,
    write_rows,
)
from labelmint.encoder.vectors import Embed, embed_rows
from labelmint.labelling.judge import judged
from labelmint.labelling.verify import Reading
from labelmint.llm import open_model
from labelmint.rules.select import select
from labelmint.rules.sieve import RULES, Scores, sieved
from labelmint.rules.tags import tags_of
from labelmint.students.arms import curve_arms
from labelmint.tasks.balance import class_balance
from labelmint.tasks.cards import TaskCard, load_card

_REMEDY = "raise generate.candidates, or the budget of top_up; metrics/top_up.json says what was rejected"


def main() -> None:
    """Sieve the candidates; write the kept rows, the rejected ones and the training sets made of them."""
    params = load_params()
    card = load_card(params.task)
    candidates, train = read_rows(paths.CANDIDATES) + read_rows(paths.MORE), read_rows(paths.REAL_TRAIN)
    reading = read_labels(params, card, candidates, train)
    test, shares = read_rows(paths.TEST_INPUTS), class_balance(params.class_balance, card, train)
    embed = partial(embed_rows, params.train)
    kept, rejected, short = sift(params.filter, card, candidates, train, test, reading.scores, shares, embed)
    for name, missing in short.items():
        print(f"filter: {missing} rows of {name!r} are missing; {_REMEDY}", file=sys.stderr)
    write_rows(paths.KEPT, kept)
    write_rows(paths.REJECTED, rejected)
    soft = reading.scores if params.filter.verify.action == "soft" else {}
    synthetic = [arm_row(row, "synthetic", soft_labels(card, soft.get(row["id"]))) for row in kept]
    write_rows(paths.arm_rows("synthetic"), synthetic)
    real = [arm_row(row, "real") for row in train]
    write_rows(paths.arm_rows("mixed"), real + synthetic)
    for arm, rows in curve_arms(params.filter, real, synthetic).items():
        write_rows(paths.arm_rows(arm), rows)
    write_json(paths.METRICS / "filter.json", {**summary(card, kept, rejected, reading), "short": short})


def read_labels(
    params: Params, card: TaskCard, candidates: Sequence[Candidate], train: Sequence[Labelled]
) -> Reading:
    """Have the candidates' labels judged; without verification no model is opened."""
    if params.filter.verify.action == "none":
        return Reading()
    with open_model(params.llm) as model:
        return judged(params, card, candidates, train, model)


def sift(
    config: Filter,
    card: TaskCard,
    candidates: Sequence[Candidate],
    train: Sequence[Labelled],
    test: Sequence[Input],
    scores: Scores,
    shares: Mapping[str, float],
    embed: Embed | None = None,
) -> tuple[list[Kept], list[Rejected], dict[str, int]]:
    """Partition the candidates into kept and rejected rows, in their order; say what each label lacks.

    Parameters
    ----------
    scores : mapping
        Candidate id → centred log-probabilities of the labels, shape (labels,); empty: don't verify.
    shares : mapping
        Labels' shares of the kept rows.
    embed : callable
        Rows → vectors; None: nothing is compared by its meaning.

    Raises
    ------
    DataError
        If a label has no accepted row.
    """
    sieve, labels = sieved(config, card, candidates, train, test, scores, embed)
    short = select(sieve, config, shares, labels)
    said = {
        row_id: {name: round(float(score), 4) for name, score in zip(card.label_names, row, strict=True)}
        for row_id, row in scores.items()
    }
    kept: list[Kept] = []
    rejected: list[Rejected] = []
    for row in candidates:
        shown, note = said.get(row["id"]), sieve.notes.get(row["id"], Note())
        if row["id"] in sieve.verdicts:
            rule, evidence = sieve.verdicts[row["id"]]
            found = {"rule": rule, "evidence": evidence, "label_scores": shown, "tags": tags_of(row)}
            rejected.append(cast(Rejected, {**row, **found, **note}))
        else:
            label, own = labels[row["id"]], {"written_label": row["label"], "label_scores": shown}
            kept.append(cast(Kept, {**row, "label": label, **own, "tags": tags_of(row), **note}))
    return kept, rejected, short


def arm_row(row: Labelled, source: str, soft: Mapping[str, float] | None = None) -> ArmRow:
    """Return a training row, with soft labels if it is to teach those."""
    plain = ArmRow(**input_of(row), label=row["label"], source=source)
    return {**plain, "label_shares": dict(soft)} if soft else plain


def soft_labels(card: TaskCard, scores: npt.NDArray[np.float64] | None) -> dict[str, float]:
    """Return how probable each label is; empty without scores."""
    if scores is None:
        return {}
    return {name: round(float(p), 6) for name, p in zip(card.label_names, np.exp(scores), strict=True)}


def summary(
    card: TaskCard, kept: Sequence[Kept], rejected: Sequence[Rejected], reading: Reading
) -> dict[str, Any]:
    """Return the stage's metrics: the funnel by rule and label, and how well the LLM reads real rows."""
    rules = Counter(row["rule"] for row in rejected)
    profiles = Counter(row["profile"] for row in [*kept, *rejected] if "profile" in row)
    candidates = len(kept) + len(rejected)
    by_label = {
        name: {
            "candidates": sum(row["label"] == name for row in rejected)
            + sum(row["written_label"] == name for row in kept),
            "kept": sum(row["label"] == name for row in kept),
        }
        for name in card.label_names
    }
    return {
        "candidates": candidates,
        "rejected": {rule: rules[rule] for rule in RULES},
        "kept": len(kept),
        "kept_share": round(len(kept) / max(1, candidates), 4),
        "labels": by_label,
        "tags": {
            tag: {
                "candidates": sum(tag in row["tags"] for row in [*kept, *rejected]),
                "kept": sum(tag in row["tags"] for row in kept),
            }
            for tag in TAGS
        },
        "relabelled": sum(row["label"] != row["written_label"] for row in kept),
        "profiles": {name: profiles[name] for name in PROFILES if profiles},
        # On real training rows that were not shown to it: how far its verdicts can be trusted.
        "reader": {"accuracy": reading.accuracy, "weights": reading.weights, "real_rows": len(reading.real)},
    }


if __name__ == "__main__":
    run_stage("filter", main)
