"""The answer in a few lines: `labelmint verdict`, after `dvc repro`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from labelmint.core import paths
from labelmint.core.errors import DataError

_POINTS = 100


def print_verdict() -> None:
    """Print what metrics/evaluate.json says; raise `DataError` if there is none."""
    path = paths.METRICS / "evaluate.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro`") from None
    if "main_arm" not in result:
        raise DataError(f"{path}: written by an earlier version; run `dvc repro`")
    print(verdict(result))


def verdict(result: Mapping[str, Any]) -> str:
    """Return a table of the arms, the gain, the label equivalence, and which other students are better."""
    if not result["test_rows"]:
        trained = ", ".join(f"{arm} ({entry['train_rows']} rows)" for arm, entry in result["arms"].items())
        return f"{result['task']}: {result['note']}; trained: {trained}"
    lines = [f"{result['task']}: accuracy on {result['test_rows']} held-out real rows (95 % interval)"]
    for arm, entry in result["arms"].items():
        lines.append(f"  {arm:<14}{entry['train_rows']:>6} rows  {_score(entry)}")
    gain = result["gain"].get(f"{result['main_arm']}_vs_{result['counterpart']}")
    if gain:
        lines.append(f"The synthetic rows change accuracy by {_difference(gain)}.")
    return "\n".join([*lines, *_worth(result), *_better(result)])


def _score(entry: Mapping[str, Any]) -> str:
    score = entry["accuracy"]
    return f"{score['mean']:.3f}  ({score['ci_low']:.3f} to {score['ci_high']:.3f})"


def _difference(gain: Mapping[str, float], sign: int = 1) -> str:
    low, high = sorted((sign * gain["ci_low"], sign * gain["ci_high"]))
    doubt = ", which may be chance" if low <= 0 <= high else ""
    interval = f"({_POINTS * low:+.1f} to {_POINTS * high:+.1f})"
    return f"{_POINTS * sign * gain['accuracy']:+.1f} points {interval}{doubt}"


def _worth(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the main arm's synthetic rows are worth: what it scores like, less the real rows it has."""
    arm = result["arms"][result["main_arm"]]
    equivalence = result["label_equivalence"].get(result["main_arm"])
    if not arm["synthetic"] or not equivalence:
        return
    rows, low, high = (max(0, equivalence[key] - arm["real"]) for key in ("rows", "ci_low", "ci_high"))
    about = "at least" if equivalence["note"].startswith("at least") else "about"
    note = f"; {equivalence['note']}" if equivalence["note"] else ""
    yield (
        f"They are worth {about} {rows:,} real labels (95 % interval {low:,}–{high:,}{note}; "
        f"a test set of {result['test_rows']:,} rows cannot narrow it further)."
    )


def _better(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the other students that label the test rows better than the main arm, from real rows alone."""
    main = result["main_arm"]
    for gain in result["gain"].values():
        other = result["arms"][gain["other"]]
        if gain["one"] == main and not other["main_student"] and gain["accuracy"] < 0:
            yield f"{gain['other']} labels the test rows better than {main}: {_difference(gain, -1)}."
