"""The methods page in short: each method's gain over the plain way, by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments import tables
from experiments.engine import PLAIN, REAL
from experiments.methods.rows import listed
from experiments.methods.shown import AGAIN
from labelmint.scoring.bootstrap import adjust

# Arms to compare with, which are no methods.
_PLAIN_WAYS = {PLAIN, REAL, AGAIN}
_SURE = 0.05


def page(results: Sequence[Mapping[str, Any]], parts: Sequence[str]) -> list[str]:
    """Return the table of all gains, and how many are more than noise when all are corrected together."""
    found = [
        (task, " · ".join(name for name in names if name != "sets"), dict(entry["gain"]))
        for part in parts
        for (task, *names), entry in listed(results, part)
        if entry["gain"] and names[-1] not in _PLAIN_WAYS
    ]
    by_method: dict[str, dict[str, str]] = {}
    for task, method, gain in found:
        by_method.setdefault(method, {})[task] = tables.gain(gain)
    tasks = sorted({task for task, _, _ in found})
    rows = [[name, *(of.get(task, "–") for task in tasks)] for name, of in by_method.items()]
    adjust([gain for _, _, gain in found])
    sure = [gain["accuracy"] > 0 for _, _, gain in found if gain["p_adjusted"] <= _SURE]
    return [
        "## In short\n",
        f"Of {len(found)} comparisons with the plain way, {sure.count(True)} are gains and "
        f"{sure.count(False)} are losses beyond noise when all are corrected together (Holm 1979). "
        "Differences in points:\n",
        *tables.table(f"method | {' | '.join(tasks)}", rows),
        "",
    ]
