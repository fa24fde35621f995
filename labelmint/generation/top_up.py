"""Write more candidates in rounds, until each label has enough that the filter accepts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.params import TopUp
from labelmint.core.records import Candidate, Prompt
from labelmint.generation.plan import Planned, distinct, drawn_labels, in_turn
from labelmint.generation.session import Session
from labelmint.labelling.scores import score_candidates
from labelmint.llm.base import LanguageModel
from labelmint.rules.apply import apply_rules
from labelmint.rules.filtering import Filtering
from labelmint.tasks.balance import wanted_rows
from labelmint.tasks.task import Task

# A label that had nothing accepted in as many successive rounds that requested it is given up.
MAX_IDLE_ROUNDS = 2
# Rules named in the reason why a label is short.
_REASON_RULES = 3
# Texts beyond what the acceptance rate asks for, as a share: without any, half of all rounds end just short.
SURPLUS = 0.1


@dataclass(frozen=True)
class Counts:
    """Candidates by the label that was requested; of accepted ones also by the label that they have."""

    written: Counter[str] = field(default_factory=Counter)
    as_requested: Counter[str] = field(default_factory=Counter)  # accepted, with the requested label
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)  # by requested label and rule
    accepted: Counter[str] = field(default_factory=Counter)  # by final label, which relabelling may change


@dataclass(frozen=True)
class Round:
    """What there is after a round, and what it alone wrote; the first is of `generate`'s candidates."""

    total: Counts
    last: Counts


class TopUpRounds:
    """Writes candidates in rounds; a round depends on the settings and the texts before it alone.

    Raises `DataError` if `candidates` are not as many as `generate` writes.
    """

    def __init__(self, task: Task, candidates: Sequence[Candidate], model: LanguageModel) -> None:
        self.task, self.first, self.model = task, candidates, model
        self.session = Session(task, model)
        self.wanted = wanted_rows(task.params.filter.rows_per_label, self.session.shares)
        # The label of each prompt, those of `generate` first.
        self.labels = drawn_labels(self.session.config, self.session.shares)
        expected = len(self.labels) * self.session.config.samples_per_prompt
        if len(candidates) != expected:
            raise DataError(
                f"{paths.CANDIDATES}: {len(candidates)} rows, and params.yaml asks for {expected} "
                "(generate.candidates, in whole waves); run `dvc repro`"
            )
        self.added: list[Candidate] = []
        self.rounds: list[Round] = []
        self.seconds = 0.0  # of writing, that of waves from the cache included
        self.given_up: set[str] = set()
        self._first_waves = self._waves = self._plan()
        self._idle_rounds: Counter[str] = Counter()

    def run(self) -> None:
        """Write round after round until nothing is missing, or the budget is spent."""
        config = self.session.config
        self._count(0)
        for number in range(1, self.task.params.top_up.max_rounds + 1):
            written, counts = len(self.first) + len(self.added), self.rounds[-1]
            labels = next_prompts(
                self._missing(),
                counts.total,
                counts.last,
                config.samples_per_prompt,
                config.prompts_per_wave,
                self.task.params.top_up.max_candidates - written,
            )
            if not labels:
                return
            self.labels += labels
            before, self._waves = len(self._waves), self._plan()
            rows, seconds = self.session.write(self._waves[before:], f"top_up round {number}")
            self.added += rows
            self.seconds += seconds
            self._count(written)
            self._give_up()

    def added_prompts(self) -> list[Prompt]:
        """Return the distinct prompts that only the rounds used."""
        known = {prompt["id"] for prompt in distinct(self._first_waves)}
        return [prompt for prompt in distinct(self._waves) if prompt["id"] not in known]

    def _plan(self) -> list[list[Planned]]:
        # From the first prompt on, so that numbers (hence ids and seeds) and the methods' turns continue.
        return self.session.planner.plan(self.labels)

    def _missing(self) -> dict[str, int]:
        accepted = self.rounds[-1].total.accepted
        return {name: self.wanted[name] - accepted[name] for name in self.wanted if name not in self.given_up}

    def _count(self, first_of_round: int) -> None:
        """Count what `filter` will accept of all candidates, and of those from `first_of_round` on.

        All candidates are scored each time, as `filter` scores them: texts are compared with each other, and
        the last chunk that the LLM scores grows with them. At most 255 texts a round are scored again for it,
        but then `filter` has each chunk in the cache, and accepts exactly what was counted here.
        """
        candidates, params = [*self.first, *self.added], self.task.params
        scores = {}
        if params.labelling.action != "none":
            scores = score_candidates(self.task, candidates, self.model).texts
        filtering = apply_rules(Filtering(self.task, candidates, scores))
        rules = {row_id: result.rule for row_id, result in filtering.results.items()}
        size = self.session.config.samples_per_prompt
        requested = [label for label in self.labels for _ in range(size)]
        ids = [row["id"] for row in candidates]
        total, last = (
            count(ids[first:], requested[first:], filtering.labels, rules) for first in (0, first_of_round)
        )
        self.rounds.append(Round(total, last))

    def _give_up(self) -> None:
        last = self.rounds[-1].last
        for name in last.written:
            self._idle_rounds[name] = 0 if last.as_requested[name] else self._idle_rounds[name] + 1
            if self._idle_rounds[name] == MAX_IDLE_ROUNDS:
                self.given_up.add(name)


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


def report(
    wanted: Mapping[str, int],
    rounds: Sequence[Round],
    given_up: Collection[str],
    config: TopUp,
    seconds: float = 0.0,
) -> dict[str, Any]:
    """Return the stage's metrics; `seconds` are those of writing."""
    written = [sum(each.last.written.values()) for each in rounds]
    short = {
        name: _shortage(name, wanted[name], rounds, name in given_up, config)
        for name in wanted
        if rounds[-1].total.accepted[name] < wanted[name]
    }
    return {
        "max_candidates": config.max_candidates,
        "candidates": sum(written),
        "added": sum(written[1:]),
        "missing": sum(each["missing"] for each in short.values()),
        "wanted": dict(wanted),
        # The first entry is of `generate`'s candidates; `accepted` counts those of all rounds so far.
        "rounds": [
            {
                "candidates": {name: each.last.written[name] for name in wanted},
                "accepted": {name: each.total.accepted[name] for name in wanted},
            }
            for each in rounds
        ],
        "short": short,
        "seconds": round(seconds, 1),
    }


def _shortage(
    name: str, wanted: int, rounds: Sequence[Round], given_up: bool, config: TopUp
) -> dict[str, Any]:
    """Return what a label lacks, and why."""
    total = rounds[-1].total
    rejected = {rule: number for (label, rule), number in total.rejected.items() if label == name}
    relabelled = total.written[name] - total.as_requested[name] - sum(rejected.values())
    if relabelled:
        rejected["relabelled"] = relabelled
    rejected = dict(sorted(rejected.items(), key=lambda item: (-item[1], item[0])))
    if given_up:
        why = "the last two rounds that asked for it brought no accepted row"
    elif len(rounds) > config.max_rounds:
        why = f"top_up.max_rounds={config.max_rounds} are over"
    else:
        why = f"top_up.max_candidates={config.max_candidates} allow no further wave"
    rules = ", ".join(f"{number} {rule}" for rule, number in list(rejected.items())[:_REASON_RULES])
    return {
        "wanted": wanted,
        "accepted": total.accepted[name],
        "missing": wanted - total.accepted[name],
        "candidates": total.written[name],
        "reason": f"{why}; of {total.written[name]} candidates written for it: {rules or 'none rejected'}",
        "rejected": rejected,
    }
