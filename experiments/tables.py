"""Pages of results: scores and gains as cells, in per cent with their intervals."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labelmint.core.errors import DataError
from labelmint.core.records import atomic_file


def score(entry: Mapping[str, Any], metric: str = "accuracy") -> str:
    """Return the entry's accuracy, or another metric: 71.0 (69.1–72.9)."""
    mean, low, high = (100 * entry[metric][key] for key in ("mean", "ci_low", "ci_high"))
    return f"{mean:.1f} ({low:.1f}–{high:.1f})"


def gain(difference: Mapping[str, float], metric: str = "accuracy") -> str:
    """Return a difference in accuracy, or in another metric, in points: +0.1 (-0.9 to +1.2)."""
    mean, low, high = (100 * difference[key] for key in (metric, "ci_low", "ci_high"))
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"


def write_page(page: Path, content: Callable[[Sequence[Any]], str], results: Path, command: str) -> None:
    """Write a page from the results in a folder; raise `DataError` if the command has not made any."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("*.json"))]
    if not found:
        raise DataError(f"{results}: no results; run `{command}`")
    with atomic_file(page) as file:
        file.write(content(found))
