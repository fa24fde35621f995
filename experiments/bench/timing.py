"""Rates in interleaved rounds: a noisy machine slows all ways alike, and the median ignores a bad round."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from labelmint.core.progress import progress

# Called with the number of the round; returns how much it did, by unit.
Way = Callable[[int], Mapping[str, float]]
Rates = dict[str, dict[str, list[float]]]


def interleave(name: str, ways: Mapping[str, Way], rounds: int) -> Rates:
    """Run A B A B …; return what was done per second, by unit, way and round."""
    rates: Rates = {}
    with progress(rounds * len(ways), f"bench {name}", "runs") as bar:
        for number in range(rounds):
            for way, run in ways.items():
                start = time.perf_counter()
                done = run(number)
                seconds = max(time.perf_counter() - start, 1e-9)
                for unit, count in done.items():
                    rates.setdefault(unit, {}).setdefault(way, []).append(round(count / seconds, 3))
                bar.update()
    return rates


def ratios(rates: Sequence[float], plain: Sequence[float]) -> list[float]:
    """Return each round's ratio of rates; 0 where the plain way got nothing done."""
    return [
        round(rate / plain_rate, 3) if plain_rate else 0.0
        for rate, plain_rate in zip(rates, plain, strict=True)
    ]


def middle(values: Sequence[float]) -> float:
    """Return the rounded median of the rounds."""
    return round(float(median(values)), 2)
