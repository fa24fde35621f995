"""Timings in interleaved rounds: a noisy machine hits all ways alike, and the median forgets a bad round."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Timed:
    """What was done in how many seconds; `rows` are accepted texts, texts read, or rows trained on."""

    seconds: float
    rows: float
    tokens: float = 0.0

    @property
    def rows_per_s(self) -> float:
        """Return rows in a second."""
        return self.rows / max(self.seconds, 1e-9)

    @property
    def tokens_per_s(self) -> float:
        """Return tokens in a second."""
        return self.tokens / max(self.seconds, 1e-9)


Way = Callable[[int], Timed]


def interleave(ways: Mapping[str, Way], rounds: int) -> dict[str, list[Timed]]:
    """Run A B C A B C …, each way told the number of the round."""
    result: dict[str, list[Timed]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            result[name].append(way(number))
    return result


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Return each round's ratio; 0 where the plain way got nothing done."""
    return [round(a / b, 3) if b else 0.0 for a, b in zip(over, under, strict=True)]


def middle(values: Sequence[float], digits: int = 2) -> float:
    """Return the rounded median of the rounds."""
    return round(float(median(values)), digits)


def rounded(values: Sequence[float], digits: int = 2) -> list[float]:
    """Return the rounds' values, rounded."""
    return [round(value, digits) for value in values]
