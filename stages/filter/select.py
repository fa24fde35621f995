"""Keep the same number of accepted rows for each label."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence

from stages.errors import DataError
from stages.filter.sieve import Sieve, Verdict
from stages.params import Filter
from stages.records import Candidate


def select(
    sieve: Sieve, config: Filter, names: Sequence[str], labels: Mapping[str, str], candidates: int
) -> None:
    """Reject a seeded random surplus, so that every label keeps exactly the same number.

    Random and not the most confident: those are the easy rows, and teach less.

    Raises
    ------
    DataError
        If a label has no accepted row, or fewer than `rows_per_label`; says how many more are needed.
    """
    accepted = Counter(labels[row["id"]] for row in sieve.standing)
    wanted = config.rows_per_label or min(accepted[name] for name in names)
    short = {name: accepted[name] for name in names if accepted[name] < max(1, wanted)}
    if short:
        raise DataError(_shortfall(short, max(1, wanted), candidates, len(names)))
    order = list(sieve.standing)
    random.Random(f"{config.seed}:select").shuffle(order)
    taken: Counter[str] = Counter()
    chosen = set()
    for row in order:
        label = labels[row["id"]]
        if taken[label] < wanted:
            taken[label] += 1
            chosen.add(row["id"])

    def surplus(_: int, row: Candidate) -> Verdict | None:
        if row["id"] in chosen:
            return None
        return "surplus", {"accepted": accepted[labels[row["id"]]], "kept": wanted}

    sieve.apply(surplus)


def _shortfall(short: Mapping[str, int], wanted: int, candidates: int, labels: int) -> str:
    worst = min(short.values())
    missing = ", ".join(
        f"{wanted - count} more of {name!r} ({count} accepted)" for name, count in short.items()
    )
    if worst == 0:
        remedy = "look at the prompts, the label phrases in the task card and filter.verify"
    else:
        needed = math.ceil(candidates * wanted / worst / 100) * 100
        remedy = f"raise generate.candidates from {candidates} to about {needed}, or lower the number"
    return f"params.yaml: filter.rows_per_label={wanted}: {missing} must be accepted; {remedy}"
