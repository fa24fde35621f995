"""Shares of the labels: those that synthetic rows get, and whether real ones are balanced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from labelmint.core.errors import ParamsError
from labelmint.core.records import Labelled
from labelmint.tasks.cards import TaskCard

Metric = Literal["accuracy", "macro_f1"]
_UNBALANCED = 1.5  # times its equal share that the commonest label has; two labels: 75 %


def unbalanced(labels: Iterable[str], names: Sequence[str]) -> bool:
    """Return whether a label of the rows is so common that accuracy says little of the other `names`."""
    counts = Counter(labels)
    return max(counts.values(), default=0) * len(names) > _UNBALANCED * counts.total()


def headline_metric(wanted: Literal["auto"] | Metric, labels: Iterable[str], names: Sequence[str]) -> Metric:
    """Return the score to go by: `evaluate.metric`, or the one that suits the rows' labels if it is auto."""
    if wanted == "auto":
        return "macro_f1" if unbalanced(labels, names) else "accuracy"
    return wanted


def class_balance(
    wanted: str | Mapping[str, float], card: TaskCard, rows: Sequence[Labelled]
) -> dict[str, float]:
    """Return the shares by label name, in the card's order; they sum to 1 and none is 0.

    They are `wanted` as "balanced", as "real" (those of `rows`, or balanced if there are none), or by label
    name. Raise `ParamsError` if a label is unknown or has no share.
    """
    names = card.label_names
    if wanted == "balanced" or (wanted == "real" and not rows):
        return dict.fromkeys(names, 1 / len(names))
    if isinstance(wanted, str):
        counts = Counter(row["label"] for row in rows)
        none = [name for name in names if not counts[name]]
        if none:
            raise ParamsError(
                f"params.yaml: class_balance: real: no real row is labelled {none[0]!r}; raise real.rows, or "
                "say balanced"
            )
        shares: Mapping[str, float] = {name: counts[name] for name in names}
    else:
        shares = wanted
    unknown = sorted(set(shares) - set(names))
    if unknown:
        raise ParamsError(
            f"params.yaml: class_balance: no label {unknown[0]!r}; there are {', '.join(names)}"
        )
    missing = [name for name in names if not shares.get(name)]
    if missing:
        raise ParamsError(f"params.yaml: class_balance: {missing[0]!r} has no share above 0; give it one")
    total = sum(shares.values())
    return {name: shares[name] / total for name in names}


def wanted_rows(rows_per_label: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Return the rows that each label is to have: `rows_per_label` on average, in these shares.

    The numbers add up to `rows_per_label` times the labels, but for labels that would get none: they get one.
    """
    total = rows_per_label * len(shares)
    # Rounded: 0.1 · 30 must not fall short of 3.
    exact = {name: round(total * share, 9) for name, share in shares.items()}
    rows = {name: int(count) for name, count in exact.items()}
    # Largest remainders first (Hamilton's method); sorted() keeps the card's order among equals.
    by_remainder = sorted(shares, key=lambda name: rows[name] - exact[name])
    for name in by_remainder[: total - sum(rows.values())]:
        rows[name] += 1
    return {name: max(1, count) for name, count in rows.items()}
