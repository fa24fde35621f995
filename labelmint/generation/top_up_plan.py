"""How many prompts the next round has for each label: a pure function of what was counted so far."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from labelmint.generation.plan import in_turn

# Texts beyond what the acceptance rate asks for, as a share: without any, half of all rounds end just short.
SURPLUS = 0.1


@dataclass(frozen=True)
class Counts:
    """Candidates by the label that they were asked for, after a round.

    Attributes
    ----------
    accepted : Counter
        Accepted rows by the label that they have in the end: with `relabel` not the one asked for.
    own : Counter
        Accepted rows that have the label that was asked for.
    rejected : mapping
        Label asked for → rule → candidates.
    new_written, new_own : Counter
        The same for the last round alone.
    """

    written: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    own: Counter[str] = field(default_factory=Counter)
    rejected: Mapping[str, Counter[str]] = field(default_factory=dict)
    new_written: Counter[str] = field(default_factory=Counter)
    new_own: Counter[str] = field(default_factory=Counter)


def texts_needed(missing: int, label: str, counts: Counts, samples: int) -> int:
    """Return the texts to write so that `missing` of them are accepted, at most as many as there are.

    The last round's rate decides: texts repeat each other more, the more of them there are. The rate of all
    texts is mixed in like that of one more prompt, so that a small round without luck can't call for
    thousands. As at most twice the texts come of it, neither can a rate that is known badly.
    """
    most = max(counts.written[label], samples)
    overall = counts.own[label] / max(1, counts.written[label])
    rate = (counts.new_own[label] + overall * samples) / (counts.new_written[label] + samples)
    return min(most, math.ceil((missing + SURPLUS * missing) / rate)) if rate else most


def next_prompts(
    missing: Mapping[str, int], counts: Counts, samples: int, per_wave: int, budget: int
) -> list[str]:
    """Return the labels of the next round's prompts, in whole waves; empty if the budget allows none.

    Parameters
    ----------
    missing : mapping
        Label → accepted rows that it lacks; labels that are not to be asked for are left out.
    samples, per_wave : int
        Texts per prompt, and prompts per wave.
    budget : int
        Candidates that may still be written. Where they are too few for all, every label gets its part.
    """
    prompts = {
        label: float(-(-texts_needed(lacking, label, counts, samples) // samples))
        for label, lacking in missing.items()
        if lacking > 0
    }
    if not prompts:
        return []
    waves = min(math.ceil(sum(prompts.values()) / per_wave), max(0, budget) // (samples * per_wave))
    return list(islice(in_turn(prompts), waves * per_wave))
