"""The methods page in short: each method's gain over the plain way, by task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from statsmodels.stats.multitest import multipletests

from experiments import tables
from experiments.methods.rows import PLAIN, REAL
from experiments.methods.shown import AGAIN

# Arms to compare with, which are no methods.
_PLAIN_WAYS = {PLAIN, REAL, AGAIN}


def page(results: Sequence[Mapping[str, Any]], parts: Sequence[str]) -> str:
    """Return the table of all gains, and how many are more than noise when all are corrected together."""
    found = [
        (result["task"], " · ".join(name for name in names if name != "sets"), gain)
        for result in results
        for part in parts
        for names, gain in _gains(result.get(part, {}), [])
    ]
    by_method: dict[str, dict[str, str]] = {}
    for task, method, gain in found:
        by_method.setdefault(method, {})[task] = tables.gain(gain)
    tasks = sorted({task for task, _, _ in found})
    rows = [[name, *(of.get(task, "–") for task in tasks)] for name, of in by_method.items()]
    beyond_noise = multipletests([gain["p_value"] for _, _, gain in found], method="holm")[0]
    sure = [
        gain["accuracy"] > 0 for (_, _, gain), is_sure in zip(found, beyond_noise, strict=True) if is_sure
    ]
    lines = [
        "## In short\n",
        f"Of {len(found)} comparisons with the plain way, {sure.count(True)} are gains and "
        f"{sure.count(False)} are losses beyond noise when all are corrected together (Holm 1979). "
        "Differences in points:\n",
        *tables.table(f"method | {' | '.join(tasks)}", rows),
    ]
    return "\n".join(lines) + "\n"


def _gains(node: Any, names: list[str]) -> Iterator[tuple[list[str], Mapping[str, Any]]]:
    """Yield the names that lead to each method's gain over the plain way, and the gain."""
    if not isinstance(node, Mapping):
        return
    if "p_value" in node.get("gain", {}) and names[-1] not in _PLAIN_WAYS:
        yield names, node["gain"]
    for name, child in node.items():
        if name != "gain":
            yield from _gains(child, [*names, name])
