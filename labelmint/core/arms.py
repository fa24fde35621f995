"""Training sets of the arms, as params.yaml declares them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

from labelmint.core.folds import folds_in_turn
from labelmint.core.params import Arm
from labelmint.core.records import (
    ArmRow,
    Kept,
    Labelled,
    LabelledText,
    Rejected,
    RejectedText,
    input_of,
)

# Why a source has no rows.
_NONE = {
    "real": "there are no real rows",
    "synthetic": "no synthetic rows were kept (metrics/filter.json says why)",
    "unlabelled": "no unlabelled rows were kept (metrics/label.json says why)",
}


def training_sets(
    arms: Mapping[str, Arm],
    train: Sequence[Labelled],
    pool: Sequence[Labelled],
    kept: Sequence[Kept],
    labelled: Sequence[LabelledText],
    seed: int,
) -> tuple[dict[str, list[ArmRow]], dict[str, str]]:
    """Return the rows of every arm, and why some arms have none.

    Real rows come first, then synthetic ones, then texts that were labelled, without those that are among the
    arm's real rows. Sets of other sizes are nested: real rows are the first of train and pool, the others the
    first of `nested_order`, in their file's order.
    """
    sources = {
        "real": _real_rows([*train, *pool]),
        "synthetic": [_made_row(row, "synthetic") for row in kept],
        "unlabelled": [_made_row(row, "unlabelled") for row in labelled],
    }
    everything = {"real": len(train), "synthetic": len(kept), "unlabelled": len(labelled)}
    orders = {name: nested_order(sources[name], seed) for name in ("synthetic", "unlabelled")}
    sets: dict[str, list[ArmRow]] = {}
    left_out: dict[str, str] = {}
    for name, arm in arms.items():
        wanted = {source: getattr(arm, source) for source in sources}
        sizes = {source: everything[source] if rows == "all" else rows for source, rows in wanted.items()}
        problems = [
            f"it needs {size} {source} rows, and there are {len(sources[source])}"
            for source, size in sizes.items()
            if size > len(sources[source])
        ]
        # "all" of a source that has none: the arm would be another one under its name.
        problems += [_NONE[source] for source, rows in wanted.items() if rows == "all" and not sizes[source]]
        sets[name] = []
        if problems:
            left_out[name] = problems[0]
            continue
        sets[name] += sources["real"][: sizes["real"]]
        known = {row["id"] for row in sets[name]}
        for source, order in orders.items():
            rows = [sources[source][place] for place in sorted(order[: sizes[source]])]
            sets[name] += [row for row in rows if row["id"] not in known]
    return sets, left_out


def unclear_sets(
    sets: Mapping[str, Sequence[ArmRow]],
    kept_counts: Mapping[str, int],
    rejected: Mapping[str, Sequence[Rejected | RejectedText]],
    seed: int,
) -> dict[str, list[ArmRow]]:
    """Return every arm's unclear rows: what it trains on, beside its set, while a fold is held out.

    By source, `kept_counts` are the made rows that there are, and `rejected` those that were not kept. An arm
    with half of the accepted rows, surplus ones included, has half of the unclear ones. An arm without real
    rows holds out none.
    """
    chosen: dict[str, list[ArmRow]] = {name: [] for name in sets}
    for source, others in rejected.items():
        unclear = [_made_row(row, source) for row in others if "fold_labels" in row]
        order = nested_order(unclear, seed)
        accepted = kept_counts[source] + sum(row["rule"] == "surplus" for row in others)
        for name, rows in sets.items():
            counts = rows_by_source(rows)
            share = counts[source] / max(1, accepted) if counts["real"] else 0
            known = {row["id"] for row in rows}
            some = [unclear[place] for place in sorted(order[: round(share * len(unclear))])]
            chosen[name] += [row for row in some if row["id"] not in known]
    return chosen


def rows_by_source(rows: Sequence[ArmRow]) -> dict[str, int]:
    """Return how many rows there are of each source."""
    counts = Counter(row["source"] for row in rows)
    return {source: counts[source] for source in _NONE}


def _real_rows(rows: Sequence[Labelled]) -> list[ArmRow]:
    folds = folds_in_turn(row["label"] for row in rows)
    return [
        cast(ArmRow, {**input_of(row), "label": row["label"], "source": "real", "fold": fold})
        for row, fold in zip(rows, folds, strict=True)
    ]


def _made_row(row: Kept | LabelledText | Rejected | RejectedText, source: str) -> ArmRow:
    made = cast(ArmRow, {**input_of(row), "label": row.get("judged_label", ""), "source": source})
    if "fold_labels" in row:
        made["fold_labels"] = row["fold_labels"]
    return made


def nested_order(rows: Sequence[ArmRow], seed: int) -> list[int]:
    """Return the rows' places in a seeded order whose every prefix has the labels in the shares of the whole.

    Each label's rows are spread evenly over the order. Shares of n rows, rounded for each n by itself, would
    not be nested: more rows can give a label fewer (the Alabama paradox).
    """
    shuffled = list(range(len(rows)))
    random.Random(f"{seed}:curve").shuffle(shuffled)
    total = Counter(row["label"] for row in rows)
    taken: Counter[str] = Counter()
    due = {}
    for place in shuffled:
        label = rows[place]["label"]
        due[place] = (taken[label] + 0.5) / total[label]
        taken[label] += 1
    return sorted(shuffled, key=lambda place: (due[place], rows[place]["label"]))
