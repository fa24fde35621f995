"""Timings in interleaved rounds: a noisy machine slows all ways alike, and the median ignores a bad round."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from labelmint.core.params import Params
from labelmint.tasks.cards import TaskCard, load_card
from labelmint.tasks.source import read_source
from labelmint.tasks.split import Split, split


@dataclass
class Timed:
    """What was done in how many seconds; `rows` are accepted texts, texts scored, or rows trained on."""

    seconds: float = 0.0
    rows: float = 0.0
    tokens: float = 0.0

    @property
    def rows_per_s(self) -> float:
        """Return rows in a second."""
        return self.rows / max(self.seconds, 1e-9)

    @property
    def tokens_per_s(self) -> float:
        """Return tokens in a second."""
        return self.tokens / max(self.seconds, 1e-9)

    @contextmanager
    def clock(self, share: float = 1.0) -> Iterator[None]:
        """Add the seconds of the block, or a share of them."""
        start = time.perf_counter()
        yield
        self.seconds += (time.perf_counter() - start) * share


Way = Callable[[int], Timed]
Rates = dict[str, list[float]]


def interleave(ways: Mapping[str, Way], rounds: int) -> dict[str, list[Timed]]:
    """Run A B C A B C …, each way called with the number of the round."""
    result: dict[str, list[Timed]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            result[name].append(way(number))
    return result


def rates(times: Mapping[str, Sequence[Timed]], unit: str = "rows") -> Rates:
    """Return the rounds' rows or tokens in a second, by way, rounded."""
    return {
        name: [round(getattr(timed, f"{unit}_per_s"), 2) for timed in rounds]
        for name, rounds in times.items()
    }


def ratios(times: Sequence[Timed], plain: Sequence[Timed], unit: str = "rows") -> list[float]:
    """Return each round's ratio of rates; 0 where the plain way got nothing done."""
    pairs = [[getattr(timed, f"{unit}_per_s") for timed in pair] for pair in zip(times, plain, strict=True)]
    return [round(rate / plain_rate, 3) if plain_rate else 0.0 for rate, plain_rate in pairs]


def middle(values: Sequence[float]) -> float:
    """Return the rounded median of the rounds."""
    return round(float(median(values)), 2)


def real_rows(params: Params) -> tuple[TaskCard, Split]:
    """Return the task card and the real rows, split as `prepare` does; the test rows are not used."""
    card = load_card(params.task)
    real, prepare = read_source(card, params.task), params.prepare
    return card, split(real.rows, params.real.rows, prepare.test_rows, prepare.seed, real.test)
