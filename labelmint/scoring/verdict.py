"""Say the answer in a few lines: `python -m labelmint.scoring.verdict`, after `dvc repro`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from labelmint.core import paths
from labelmint.core.errors import DataError, run_stage

_POINTS = 100
_SAID = {
    "llm": "The language model itself",
    "tfidf": "TF-IDF of the real rows",
    "linear_head": "The frozen encoder with the real rows",
    "majority": "The commonest label",
}


def main() -> None:
    """Print what metrics/evaluate.json found."""
    path = paths.METRICS / "evaluate.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro`") from None
    print(verdict(result))


def verdict(result: Mapping[str, Any]) -> str:
    """Return a table of arms and baselines, the gain, the label equivalence, and which baseline is better."""
    if not result["test_rows"]:
        trained = ", ".join(f"{arm} ({entry['train_rows']} rows)" for arm, entry in result["arms"].items())
        return f"{result['task']}: {result['note']}; trained: {trained}"
    lines = [f"{result['task']}: accuracy on {result['test_rows']} held-out real rows (95 % interval)"]
    for arm, entry in result["arms"].items():
        lines.append(f"  {arm:<12}{entry['train_rows']:>6} rows  {_score(entry)}")
    lines += [f"  {name:<12}{'':>11}  {_score(entry)}" for name, entry in result["baselines"].items()]
    gain = result["gain"].get("mixed_vs_real")
    if gain:
        lines.append(f"Adding the synthetic rows changes accuracy by {_points(gain)}{_doubt(gain)}.")
    return "\n".join([*lines, *_worth(result), *_better(result)])


def _score(entry: Mapping[str, Any]) -> str:
    score = entry["accuracy"]
    return f"{score['mean']:.3f}  ({score['ci_low']:.3f} to {score['ci_high']:.3f})"


def _points(gain: Mapping[str, float], sign: int = 1) -> str:
    low, high = sorted((sign * gain["ci_low"], sign * gain["ci_high"]))
    return f"{_POINTS * sign * gain['accuracy']:+.1f} points ({_POINTS * low:+.1f} to {_POINTS * high:+.1f})"


def _doubt(gain: Mapping[str, float]) -> str:
    return ", which may be chance" if gain["ci_low"] <= 0 <= gain["ci_high"] else ""


def _worth(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the synthetic rows are worth: what the mixed arm scores like, less the real rows it has."""
    equivalences, arms = result["label_equivalence"], result["arms"]
    mixed, synthetic = equivalences.get("mixed"), equivalences.get("synthetic")
    if mixed and "real" in arms:
        own = arms["real"]["train_rows"]
        rows, low, high = (max(0, mixed[key] - own) for key in ("rows", "ci_low", "ci_high"))
        note = f"; {mixed['note']}" if mixed["note"] else ""
        least = "at least " if mixed["note"].startswith("at least") else ""
        yield (
            f"Your synthetic data is worth {least}{rows} real labels ({low} to {high}): "
            f"with it, {own} score like {mixed['rows']} ({mixed['ci_low']} to {mixed['ci_high']}{note})."
        )
    elif synthetic:
        note = f"; {synthetic['note']}" if synthetic["note"] else ""
        span = f"{synthetic['ci_low']} to {synthetic['ci_high']}{note}"
        yield f"Your synthetic data is worth {synthetic['rows']} real labels ({span})."


def _better(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the baselines that score higher than the classifier with synthetic rows."""
    for name in result["baselines"]:
        for arm in ("mixed", "synthetic"):
            gain = result["gain"].get(f"{arm}_vs_{name}")
            if gain and gain["accuracy"] < 0:
                yield (
                    f"{_SAID.get(name, name)} labels the test rows better than the {arm} classifier: "
                    f"{_points(gain, -1)}{_doubt(gain)}."
                )


if __name__ == "__main__":
    run_stage("evaluate.verdict", main)
