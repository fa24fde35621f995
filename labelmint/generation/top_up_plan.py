"""How many prompts the next round has for each label: a pure function of what was counted so far."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from labelmint.generation.plan import in_turn

# Texts beyond what the acceptance rate asks for, as a share: without any, half of all rounds end just short.
SURPLUS = 0.1


@dataclass(frozen=True)
class Counts:
    """Candidates by the label that was requested; of accepted ones also by the label that they have."""

    written: Counter[str] = field(default_factory=Counter)
    as_requested: Counter[str] = field(default_factory=Counter)  # accepted, with the requested label
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)  # by requested label and rule
    accepted: Counter[str] = field(default_factory=Counter)  # by final label, which relabelling may change


def count(
    ids: Iterable[str], requested: Iterable[str], labels: Mapping[str, str], rules: Mapping[str, str]
) -> Counts:
    """Count candidates; `labels` are those of accepted ones and `rules` those that rejected others, by id."""
    counts = Counts()
    for row_id, label in zip(ids, requested, strict=True):
        counts.written[label] += 1
        if row_id in rules:
            counts.rejected[label, rules[row_id]] += 1
            continue
        counts.accepted[labels[row_id]] += 1
        counts.as_requested[label] += labels[row_id] == label
    return counts


def texts_needed(missing: int, label: str, total: Counts, last: Counts, samples: int) -> int:
    """Return the texts to write so that `missing` of them are accepted, at most as many as there are.

    The last round's rate decides, since texts repeat each other more, the more of them there are. The rate
    of all texts is mixed in with the weight of one more prompt, so that a small round without luck can't call
    for thousands. The number of texts at most doubles, which limits the harm of a rate known badly.
    """
    most = max(total.written[label], samples)
    overall = total.as_requested[label] / max(1, total.written[label])
    rate = (last.as_requested[label] + overall * samples) / (last.written[label] + samples)
    return min(most, math.ceil((missing + SURPLUS * missing) / rate)) if rate else most


def next_prompts(
    missing: Mapping[str, int], total: Counts, last: Counts, samples: int, per_wave: int, budget: int
) -> list[str]:
    """Return the labels of the next round's prompts, in whole waves; empty if the budget allows none.

    `missing` has the accepted rows that each label to be requested lacks; `total` and `last` count all
    candidates and those of the last round; `samples` are texts per prompt, `per_wave` prompts. `budget` is
    how many candidates may still be written: where they are too few for all, each label gets its part.
    """
    prompts = {
        label: float(-(-texts_needed(lacking, label, total, last, samples) // samples))
        for label, lacking in missing.items()
        if lacking > 0
    }
    if not prompts:
        return []
    waves = min(math.ceil(sum(prompts.values()) / per_wave), max(0, budget) // (samples * per_wave))
    return list(islice(in_turn(prompts), waves * per_wave))
