"""Which findings of Li et al. (2024) the cells support; computed, so that the text can't go stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from experiments.grid import REAL_ROWS

Cell = Mapping[str, Any]
ByMethod = Mapping[tuple[str, str], Cell]


def findings(cells: Sequence[Cell]) -> str:
    """Return the page's section that goes through the paper's findings."""
    few, many = REAL_ROWS
    mixed = _by_method(cells, f"mixed_{few}")
    lines = [
        "## The paper's findings (Li et al. 2024, arXiv 2407.12813)\n",
        "**Rows as written (as in the paper)**\n",
        _mixed_beats_synthetic(mixed, _by_method(cells, "synthetic")),
        _gains(mixed, few, "the paper: +3 to +26 %"),
        _gains(_by_method(cells, f"mixed_{many}"), many, "the paper: under 5 %"),
        _best_method(mixed),
        "",
        *_llm(cells, mixed),
        "",
    ]
    return "\n".join(lines)


def _by_method(cells: Sequence[Cell], arm: str) -> dict[tuple[str, str], Cell]:
    return {(cell["task"], cell["method"]): cell for cell in cells if cell["arm"] == arm}


def _mixed_beats_synthetic(mixed: ByMethod, synthetic: ByMethod) -> str:
    worse = [
        " ".join(key) for key in mixed if mixed[key]["accuracy"]["mean"] <= synthetic[key]["accuracy"]["mean"]
    ]
    return (
        f"- *Real + synthetic beats synthetic only*: in {len(mixed) - len(worse)} of {len(mixed)} pairs of "
        f"task and method ({REAL_ROWS[0]} real rows added)"
        + (f"; not for {', '.join(worse)}." if worse else ".")
    )


def _gains(mixed: ByMethod, size: int, paper: str) -> str:
    relative = sorted(100 * cell["gain"]["relative"] for cell in mixed.values())
    gains = sum(cell["gain"]["ci_low"] > 0 for cell in mixed.values())
    losses = sum(cell["gain"]["ci_high"] < 0 for cell in mixed.values())
    return (
        f"- *Gain at {size} real rows* ({paper}): {relative[0]:+.1f} to {relative[-1]:+.1f} %, median "
        f"{float(np.median(relative)):+.1f} %; surely a gain in {gains} of {len(relative)}, surely a loss in "
        f"{losses}."
    )


def _best_method(mixed: ByMethod) -> str:
    best: dict[str, tuple[str, float]] = {}
    for (task, method), cell in mixed.items():
        mean = cell["accuracy"]["mean"]
        if task not in best or mean > best[task][1]:
            best[task] = (method, mean)
    names = ", ".join(f"{task}: {method} ({100 * mean:.1f})" for task, (method, mean) in best.items())
    return f"- *Best method with {REAL_ROWS[0]} real rows*: {names}."


def _llm(cells: Sequence[Cell], mixed: ByMethod) -> list[str]:
    llm = {cell["task"]: cell["accuracy"]["mean"] for cell in cells if cell["arm"] == "llm"}
    pairs = [(llm[task], cell["gain"]["accuracy"]) for (task, _), cell in mixed.items()]
    if len({accuracy for accuracy, _ in pairs}) < 2:
        return []
    correlation = float(spearmanr(*zip(*pairs, strict=True)).statistic)
    return [
        f"- *The LLM's own accuracy doesn't predict what its data is worth*: rank correlation of its "
        f"accuracy and the gain at {REAL_ROWS[0]} real rows, as written: {correlation:+.2f} over "
        f"{len(pairs)} pairs of task and method, but only {len(llm)} tasks: too few to tell."
    ]
