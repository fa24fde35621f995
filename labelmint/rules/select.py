"""Rules on labels: by their scores; then rows beyond their shares.

Rows are kept in the labels' shares: exactly N on average, or as many as the scarcest label allows, but no
label is cut to less than half of its share of the accepted rows: the scarce ones then fall short.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping

from labelmint.rules.filtering import Filtering, RuleResult, leading
from labelmint.tasks.balance import class_balance, wanted_rows


def label_rules(filtering: Filtering) -> None:
    """Reject rows as `labelling.action` says; `relabel` gives the others the label that scores best."""
    labelling, names = filtering.params.labelling, filtering.card.label_names
    if labelling.action == "none":
        return
    results = {}
    for row in filtering.remaining:
        best, margin = leading(filtering.scores[row["id"]])
        evidence = {"judged_label": names[best], "margin": round(margin, 4)}
        if margin < labelling.min_margin:
            results[row["id"]] = RuleResult("unsure_label", evidence)
        elif labelling.action == "relabel":
            filtering.labels[row["id"]] = names[best]
        elif names[best] != row["label"]:
            results[row["id"]] = RuleResult("wrong_label", evidence)
    filtering.reject(results)


def surplus(filtering: Filtering) -> None:
    """Reject rows beyond the labels' shares, by lot; note in `missing` what each label lacks.

    By lot and not the least confident: the most confident are easy rows, and teach less.
    """
    params, labels = filtering.params, filtering.labels
    shares = class_balance(params.class_balance, filtering.card, filtering.train)
    accepted = Counter(labels[row["id"]] for row in filtering.remaining)
    if not accepted:
        return
    rows_per_label = params.filter.rows_per_label
    wanted = wanted_rows(rows_per_label, shares) if rows_per_label else fitting(accepted, shares)
    order = list(filtering.remaining)
    random.Random(f"{params.filter.seed}:select").shuffle(order)
    taken: Counter[str] = Counter()
    results = {}
    for row in order:
        label = labels[row["id"]]
        if taken[label] < wanted[label]:
            taken[label] += 1
        else:
            evidence = {"accepted": accepted[label], "kept": wanted[label]}
            results[row["id"]] = RuleResult("surplus", evidence)
    filtering.reject(results)
    filtering.missing = {name: wanted[name] - taken[name] for name in shares if taken[name] < wanted[name]}


def fitting(accepted: Mapping[str, int], shares: Mapping[str, float]) -> dict[str, int]:
    """Return the largest numbers in these shares that no label falls short of; at least one each.

    But none is cut to less than half of its share of all rows, of which scarce labels may fall short: one
    that the model hardly writes would cost nearly all rows of the others.
    """
    # The small addition keeps 300 / (1/3) · (1/3) from being 299.
    scale = min(accepted[name] / share for name, share in shares.items())
    scale = max(scale, sum(accepted.values()) / 2)
    return {name: max(1, int(scale * share + 1e-9)) for name, share in shares.items()}
