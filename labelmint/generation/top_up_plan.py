"""How many prompts the next round has for each label: a pure function of what was counted so far."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from labelmint.core.records import Candidate
from labelmint.generation.plan import in_turn

# Texts beyond what the acceptance rate asks for, as a share: without any, half of all rounds end just short.
SURPLUS = 0.1


@dataclass(frozen=True)
class Counts:
    """Candidates by the label that they were requested for, after a round.

    Attributes
    ----------
    written : Counter
        All candidates.
    accepted : Counter
        Accepted rows by their final label, which `relabel` may have changed.
    as_requested : Counter
        Accepted rows whose final label is the requested one.
    rejected : mapping
        Requested label → rule → candidates.
    last_written, last_as_requested : Counter
        The same for the last round alone.
    """

    written: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    as_requested: Counter[str] = field(default_factory=Counter)
    rejected: Mapping[str, Counter[str]] = field(default_factory=dict)
    last_written: Counter[str] = field(default_factory=Counter)
    last_as_requested: Counter[str] = field(default_factory=Counter)


def count(
    candidates: Sequence[Candidate],
    requested: Sequence[str],
    labels: Mapping[str, str],
    rules: Mapping[str, str],
    first_of_round: int,
) -> Counts:
    """Count candidates by the labels that they were requested for.

    Parameters
    ----------
    requested
        The label of each candidate's prompt.
    labels
        Accepted candidate's id → its final label.
    rules
        Rejected candidate's id → the rule that rejected it.
    first_of_round
        Candidates from this place on are the last round's.
    """
    counts = Counts(rejected={label: Counter() for label in dict.fromkeys(requested)})
    for place, (row, label) in enumerate(zip(candidates, requested, strict=True)):
        in_round = place >= first_of_round
        counts.written[label] += 1
        if in_round:
            counts.last_written[label] += 1
        if row["id"] in rules:
            counts.rejected[label][rules[row["id"]]] += 1
            continue
        counts.accepted[labels[row["id"]]] += 1
        if labels[row["id"]] == label:
            counts.as_requested[label] += 1
            if in_round:
                counts.last_as_requested[label] += 1
    return counts


def texts_needed(missing: int, label: str, counts: Counts, samples: int) -> int:
    """Return the texts to write so that `missing` of them are accepted, at most as many as there are.

    The last round's rate decides, since texts repeat each other more, the more of them there are. The rate of
    all texts is mixed in with the weight of one more prompt, so that a small round without luck can't call for
    thousands. The number of texts at most doubles, which limits the harm of a rate known badly.
    """
    most = max(counts.written[label], samples)
    overall = counts.as_requested[label] / max(1, counts.written[label])
    rate = (counts.last_as_requested[label] + overall * samples) / (counts.last_written[label] + samples)
    return min(most, math.ceil((missing + SURPLUS * missing) / rate)) if rate else most


def next_prompts(
    missing: Mapping[str, int], counts: Counts, samples: int, per_wave: int, budget: int
) -> list[str]:
    """Return the labels of the next round's prompts, in whole waves; empty if the budget allows none.

    Parameters
    ----------
    missing : mapping
        Label → accepted rows that it lacks; labels that are not to be requested are left out.
    samples, per_wave : int
        Texts per prompt, and prompts per wave.
    budget : int
        Candidates that may still be written. Where they are too few for all, each label gets its part.
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
