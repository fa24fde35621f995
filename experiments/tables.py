"""Scores and gains as the cells of a Markdown table, in per cent with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def score(entry: Mapping[str, Any]) -> str:
    """Return the entry's accuracy: 71.0 (69.1–72.9)."""
    accuracy = entry["accuracy"]
    mean, low, high = (100 * accuracy[key] for key in ("mean", "ci_low", "ci_high"))
    return f"{mean:.1f} ({low:.1f}–{high:.1f})"


def gain(difference: Mapping[str, float]) -> str:
    """Return a difference in accuracy, in points: +0.1 (-0.9 to +1.2)."""
    mean, low, high = (100 * difference[key] for key in ("accuracy", "ci_low", "ci_high"))
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"
