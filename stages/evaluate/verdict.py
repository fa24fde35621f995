"""Say the answer in a few lines: `python -m stages.evaluate.verdict`, after `dvc repro`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stages import paths
from stages.errors import DataError, run_stage

_POINTS = 100


def main() -> None:
    """Print what metrics/evaluate.json found."""
    path = paths.METRICS / "evaluate.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro`") from None
    print(verdict(result))


def verdict(result: Mapping[str, Any]) -> str:
    """Return a table of the arms, the gain and the label equivalence."""
    if not result["test_rows"]:
        trained = ", ".join(f"{arm} ({entry['train_rows']} rows)" for arm, entry in result["arms"].items())
        return f"{result['task']}: {result['note']}; trained: {trained}"
    lines = [f"{result['task']}: accuracy on {result['test_rows']} held-out real rows (95 % interval)"]
    for arm, entry in result["arms"].items():
        score = entry["accuracy"]
        lines.append(
            f"  {arm:<12}{entry['train_rows']:>6} rows  {score['mean']:.3f}"
            f"  ({score['ci_low']:.3f} to {score['ci_high']:.3f})"
        )
    gain = result["gain"].get("mixed_vs_real")
    if gain:
        points, low, high = (_POINTS * gain[key] for key in ("accuracy", "ci_low", "ci_high"))
        lines.append(
            f"Adding the synthetic rows changes accuracy by {points:+.1f} points ({low:+.1f} to {high:+.1f})."
        )
    equivalence = result["label_equivalence"].get("mixed")
    if equivalence:
        worth = f"It now scores like {equivalence['rows']} real labels"
        note = f"; {equivalence['note']}" if equivalence["note"] else ""
        lines.append(f"{worth} ({equivalence['ci_low']} to {equivalence['ci_high']}{note}).")
    return "\n".join(lines)


if __name__ == "__main__":
    run_stage("evaluate.verdict", main)
