"""Which of the findings of Li et al. (2024) do the cells bear out? Computed, so that they can't go stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from experiments.study.grid import Grid

Cell = Mapping[str, Any]


def findings(grid: Grid, cells: Sequence[Cell]) -> str:
    """Return the section of docs/study.md that goes through the paper's findings."""
    lines = ["## The paper's findings (Li et al. 2024, arXiv 2407.12813)\n"]
    for check in grid.checks:
        said = "Rows as written (as in the paper)" if check == "none" else "Rows whose labels were checked"
        lines += [f"**{said}**\n", *_for_check(grid, cells, check), ""]
    lines += [*_llm(grid, cells), ""]
    return "\n".join(lines)


def _for_check(grid: Grid, cells: Sequence[Cell], check: str) -> list[str]:
    few, many = grid.real_rows
    own = [cell for cell in cells if cell.get("check") == check]
    return [
        _mixed_beats_synthetic(own, few),
        _gains(own, few, "the paper: +3 to +26 %"),
        _gains(own, many, "the paper: under 5 %"),
        _better_worse(own, few),
    ]


def _by_arm(cells: Sequence[Cell], arm: str) -> dict[tuple[str, str], Cell]:
    return {(cell["task"], cell["method"]): cell for cell in cells if cell["arm"] == arm}


def _mixed_beats_synthetic(cells: Sequence[Cell], few: int) -> str:
    synthetic, mixed = _by_arm(cells, "synthetic"), _by_arm(cells, f"mixed_{few}")
    better = [key for key in mixed if mixed[key]["accuracy"]["mean"] > synthetic[key]["accuracy"]["mean"]]
    return (
        f"- *Real + synthetic beats synthetic only*: in {len(better)} of {len(mixed)} pairs of task and "
        f"method ({few} real rows added){_except(mixed, better)}."
    )


def _gains(cells: Sequence[Cell], size: int, paper: str) -> str:
    mixed = _by_arm(cells, f"mixed_{size}")
    relative = sorted(100 * cell["gain"]["relative"] for cell in mixed.values())
    sure = sum(cell["gain"]["ci_low"] > 0 for cell in mixed.values())
    harm = sum(cell["gain"]["ci_high"] < 0 for cell in mixed.values())
    return (
        f"- *Gain at {size} real rows* ({paper}): {relative[0]:+.1f} to {relative[-1]:+.1f} %, median "
        f"{float(np.median(relative)):+.1f} %; surely a gain in {sure} of {len(relative)}, surely a loss in "
        f"{harm}."
    )


def _better_worse(cells: Sequence[Cell], few: int) -> str:
    mixed = _by_arm(cells, f"mixed_{few}")
    best: dict[str, tuple[str, float]] = {}
    for (task, method), cell in mixed.items():
        if task not in best or cell["accuracy"]["mean"] > best[task][1]:
            best[task] = (method, cell["accuracy"]["mean"])
    said = ", ".join(f"{task}: {method} ({100 * score:.1f})" for task, (method, score) in best.items())
    return f"- *Best method with {few} real rows*: {said}."


def _llm(grid: Grid, cells: Sequence[Cell]) -> list[str]:
    few = grid.real_rows[0]
    llm = {cell["task"]: cell["accuracy"]["mean"] for cell in cells if cell["arm"] == "llm"}
    lines = []
    for check in grid.checks:
        mixed = _by_arm([cell for cell in cells if cell.get("check") == check], f"mixed_{few}")
        pairs = [(llm[task], cell["gain"]["accuracy"]) for (task, _), cell in mixed.items()]
        said = "as written" if check == "none" else "checked"
        if len({accuracy for accuracy, _ in pairs}) > 1:
            correlation = float(spearmanr(*zip(*pairs, strict=True)).statistic)
            lines.append(
                f"- *The LLM's own accuracy doesn't predict what its data is worth*: rank correlation of its "
                f"accuracy and the gain at {few} real rows, {said}: {correlation:+.2f} over {len(pairs)} "
                f"pairs of task and method, but only {len(llm)} tasks: too few to tell."
            )
    return lines


def _except(all_keys: Mapping[tuple[str, str], Any], better: Sequence[tuple[str, str]]) -> str:
    rest = [f"{task} {method}" for task, method in all_keys if (task, method) not in better]
    return f"; not for {', '.join(rest)}" if rest else ""
