"""How numbers are written in the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# No line breaks between a number and its unit.
_SPACE = "\N{NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"


def count(value: float | None) -> str:
    """Write a number of things: 1,396."""
    return "–" if value is None else f"{value:,.0f}"


def rate(value: float | None) -> str:
    """Write a number of things per second, small ones with two figures: 340, 0.41."""
    return f"{value:.2g}" if value is not None and value < 9.95 else count(value)


def percent(value: float | None) -> str:
    """Write a share as a percentage: 76.3 %."""
    return "–" if value is None else f"{100 * value:.1f}{_SPACE}%"


def points(value: float | None) -> str:
    """Write a difference of shares in percentage points, with its sign: +6.3."""
    # Adding 0.0 turns -0.0 into 0.0: nobody gains minus nothing.
    return "–" if value is None else f"{round(100 * value, 1) + 0.0:+.1f}".replace("-", _MINUS)


def p_value(value: float | None) -> str:
    """Write a p-value with as many digits as it has."""
    if value is None:
        return "–"
    if round(value, 2) == 0.05:  # on which side of it?
        return f"{value:.3f}"
    return f"{value:.4f}" if value < 0.01 else f"{value:.2f}"


def minutes(value: float | None) -> str:
    """Write minutes with one decimal: 3.4."""
    return f"{value:.1f}" if value else "–"


def duration(seconds: float | None) -> str:
    """Write seconds as people say them: 14 min 27 s."""
    if seconds is None:
        return "–"
    whole, rest = divmod(round(seconds), 60)
    if not whole:
        return f"{seconds:.1f}{_SPACE}s"
    hours, left = divmod(whole, 60)
    return f"{hours}{_SPACE}h {left}{_SPACE}min" if hours else f"{left}{_SPACE}min {rest}{_SPACE}s"


def number(value: Any) -> str:
    """Write any scalar of a metrics file: whole numbers with commas, others with four figures."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if value == int(value) and abs(value) < 1e15:
            return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}"
        return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.4g}"
    return "–" if value is None or value == "" else str(value)


def interval(score: Mapping[str, Any] | None) -> str:
    """Write an interval of shares in per cent: 73.1 to 79.3."""
    if not score or score.get("ci_low") is None or score.get("ci_high") is None:
        return "–"
    return f"{100 * score['ci_low']:.1f} to {100 * score['ci_high']:.1f}"


def points_interval(score: Mapping[str, Any] | None) -> str:
    """Write an interval of a difference in percentage points: +2.7 to +9.8."""
    if not score or score.get("ci_low") is None or score.get("ci_high") is None:
        return "–"
    return f"{points(score['ci_low'])} to {points(score['ci_high'])}"


def worth(entry: Mapping[str, Any] | None) -> str:
    """Write a label equivalence: 329, or 1,000 or more; at least 1,000 only if the whole interval says so."""
    if not entry or entry.get("rows") is None:
        return "–"
    rows, note = entry["rows"], entry["note"]
    if not rows:
        return "0"
    if "ends there" in note:
        return f"at least {count(rows)}" if entry["ci_low"] >= rows else f"{count(rows)} or more"
    if "begins there" in note:
        return f"at most {count(rows)}" if entry["ci_high"] <= rows else f"{count(rows)} or fewer"
    return count(rows)


def worth_interval(entry: Mapping[str, Any] | None) -> str:
    """Write the interval of a label equivalence: 205 to 3,000 or more, where it reaches the curve's end."""
    if not entry or entry.get("rows") is None:
        return "–"
    low, high = count(entry["ci_low"]), count(entry["ci_high"])
    if "begin" in entry["note"] and entry["ci_low"]:
        low = f"{low} or fewer"
    # "the real curve ends there", or "the interval reaches the curve's end"
    if "end" in entry["note"]:
        high = f"{high} or more"
    if entry["ci_low"] == entry["ci_high"]:
        return high if "end" in entry["note"] else low
    return f"{low} to {high}"


FILTERS = {
    filter.__name__: filter
    for filter in (
        *(count, rate, percent, points, p_value, duration, number, interval, points_interval),
        *(minutes, worth, worth_interval),
    )
}
