"""Keep accepted rows in the labels' shares: exactly N on average, or as many as the scarcest label allows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping

from labelmint.core.errors import DataError
from labelmint.core.params import Filter
from labelmint.core.records import Candidate
from labelmint.rules.diverse import farthest_first
from labelmint.rules.sieve import Sieve, Verdict, vectors_of
from labelmint.tasks.balance import wanted_rows


def select(
    sieve: Sieve,
    config: Filter,
    shares: Mapping[str, float],
    labels: Mapping[str, str],
) -> dict[str, int]:
    """Reject the surplus, as `filter.select` says; return how many rows each label lacks of `rows_per_label`.

    By lot or by diversity and not the least confident: the most confident are easy rows, and teach less.

    Raises
    ------
    DataError
        If a label has no accepted row.
    """
    accepted = Counter(labels[row["id"]] for row in sieve.standing)
    for name in shares:
        if not accepted[name]:
            raise DataError(_nothing(sieve, name, labels))
    wanted = (
        wanted_rows(config.rows_per_label, shares) if config.rows_per_label else fitting(accepted, shares)
    )
    order = _order(sieve, config, wanted, labels)
    taken: Counter[str] = Counter()
    chosen = set()
    for row in order:
        label = labels[row["id"]]
        if taken[label] < wanted[label]:
            taken[label] += 1
            chosen.add(row["id"])

    def surplus(_: int, row: Candidate) -> Verdict | None:
        if row["id"] in chosen:
            return None
        label = labels[row["id"]]
        return "surplus", {"accepted": accepted[label], "kept": wanted[label]}

    sieve.apply(surplus)
    return {name: wanted[name] - taken[name] for name in shares if taken[name] < wanted[name]}


def _order(
    sieve: Sieve, config: Filter, wanted: Mapping[str, int], labels: Mapping[str, str]
) -> list[Candidate]:
    """Return the rows in the order in which they are taken, of each label at least as many as wanted."""
    if config.select == "random":
        order = list(sieve.standing)
        random.Random(f"{config.seed}:select").shuffle(order)
        return order
    order = []
    for name, count in wanted.items():
        own = [row for row in sieve.standing if labels[row["id"]] == name]
        if len(own) > count:
            own = [own[at] for at in farthest_first(vectors_of(sieve).of(own), count)]
        order += own
    return order


def fitting(accepted: Mapping[str, int], shares: Mapping[str, float]) -> dict[str, int]:
    """Return the largest numbers in these shares that no label falls short of; at least one each."""
    # The small addition keeps 300 / (1/3) · (1/3) from being 299.
    scale = min(accepted[name] / share for name, share in shares.items())
    return {name: max(1, int(scale * share + 1e-9)) for name, share in shares.items()}


def _nothing(sieve: Sieve, name: str, labels: Mapping[str, str]) -> str:
    rules = Counter(rule for row_id, (rule, _) in sieve.verdicts.items() if labels[row_id] == name)
    said = ", ".join(f"{count} {rule}" for rule, count in rules.most_common(3)) or "there are none"
    return (
        f"no candidate labelled {name!r} is accepted (rejected: {said}); look at "
        "data/synthetic/candidates.jsonl, the label phrases in the task card and filter.verify"
    )
