"""Label equivalence: the number of real rows that reaches the same score on the real learning curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression

from labelmint.core.arrays import Floats


def rows_for(score: float, sizes: Sequence[int], curve: Floats) -> float:
    """Return the real rows that reach a score, interpolated in log(rows).

    The curve is first made to rise (isotonic regression): noise must not make more rows look worse.
    Below its first point the first size is returned, beyond its last point the last. A score is worth no more
    rows than any real arm has that reaches it: made to rise, the curve lies below a point that luck lifted.
    """
    # Rounded: on a plateau the last digits would decide between its first and its last point.
    curve, score = curve.round(9), round(score, 9)
    reached = next((size for size, point in zip(sizes, curve, strict=True) if point >= score), sizes[-1])
    return min(float(reached), _interpolated(score, sizes, curve))


def _interpolated(score: float, sizes: Sequence[int], curve: Floats) -> float:
    rising = np.asarray(isotonic_regression(curve).x).round(9)
    if score <= rising[0]:
        return float(sizes[0])
    if score > rising[-1]:
        return float(sizes[-1])
    above = int(np.argmax(rising >= score))
    share = (score - rising[above - 1]) / (rising[above] - rising[above - 1])
    low, high = np.log(sizes[above - 1]), np.log(sizes[above])
    return float(np.exp(low + share * (high - low)))


def label_equivalence(
    score: float, samples: Floats, sizes: Sequence[int], curve: Floats, curve_samples: Floats
) -> dict[str, Any]:
    """Return the rows with their 95 % interval, and a note where they reach an end of the curve.

    `samples`, shape (samples,), are the arm's resampled scores. `sizes` are the rows of the real arms,
    ascending; `curve` and `curve_samples` their scores, shapes (sizes,) and (sizes, samples).
    """
    rows = rows_for(score, sizes, curve)
    drawn = [rows_for(sample, sizes, column) for sample, column in zip(samples, curve_samples.T, strict=True)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    rows, low, high = round(rows), round(low), round(high)
    first, last = sizes[0], sizes[-1]
    notes = []
    if rows >= last:
        notes.append(f"{f'at least {last}' if low >= last else f'{last} or more'}: the real curve ends there")
    elif rows <= first:
        notes.append(
            f"{f'at most {first}' if high <= first else f'{first} or fewer'}: the real curve begins there"
        )
    if rows < last <= high:
        notes.append(f"the interval reaches the curve's end, {last}")
    if low <= first < rows:
        notes.append(f"the interval reaches the curve's beginning, {first}")
    return {"rows": rows, "ci_low": low, "ci_high": high, "note": "; ".join(notes)}
