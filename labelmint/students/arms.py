"""The learning curve in synthetic rows: smaller versions of the arms `mixed` and `synthetic`."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from labelmint.core.params import Filter
from labelmint.core.records import ArmRow


def curve_arms(
    config: Filter, real: Sequence[ArmRow], synthetic: Sequence[ArmRow]
) -> dict[str, list[ArmRow]]:
    """Return the rows of mixed_<n> and synthetic_<n> for the points n of `filter.curve`.

    The points are nested. Where fewer rows are kept than a point needs, its arms are empty: `train` and
    `evaluate` pass over them.
    """
    order = nested_order(synthetic, config.seed)
    arms: dict[str, list[ArmRow]] = {}
    for size in config.curve:
        enough = size <= len(synthetic)
        places = sorted(order[:size]) if enough else []
        rows = [synthetic[place] for place in places]
        arms[f"synthetic_{size}"] = rows
        arms[f"mixed_{size}"] = [*real, *rows] if enough else []
    return arms


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
