"""The rounds: count what the filter's rules accept of everything so far, and write what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.params import Params
from labelmint.core.records import Candidate, Input, Labelled, Prompt
from labelmint.encoder.vectors import embed_rows
from labelmint.generation.plan import Planned, distinct, drawn_labels
from labelmint.generation.session import Session
from labelmint.generation.top_up_plan import Counts, next_prompts
from labelmint.labelling.judge import judged
from labelmint.llm.base import LanguageModel
from labelmint.rules.sieve import Sieve, sieved
from labelmint.tasks.balance import wanted_rows
from labelmint.tasks.cards import TaskCard

# A label that was asked for in as many rounds running, and had nothing accepted, is given up.
IDLE_ROUNDS = 2


class Rounds:
    """Writes candidates in rounds; a round depends on the settings and the texts before it alone.

    Attributes
    ----------
    more : list of Candidate
        What the rounds wrote.
    counts : list of Counts
        Of the candidates of `generate`, and after each round.
    given_up : set of str
        Labels that are asked for no more.

    Raises
    ------
    DataError
        If `candidates` are not as many as `generate` writes.
    """

    def __init__(
        self,
        params: Params,
        card: TaskCard,
        train: Sequence[Labelled],
        test: Sequence[Input],
        candidates: Sequence[Candidate],
        model: LanguageModel,
    ) -> None:
        self.params, self.card, self.model = params, card, model
        self.train, self.test, self.first = train, test, candidates
        self.session = Session(params, card, train, model)
        self.wanted = wanted_rows(params.filter.rows_per_label, self.session.shares)
        # The label of every prompt, those of `generate` first.
        self.labels = drawn_labels(self.session.config, self.session.shares)
        expected = len(self.labels) * self.session.config.samples_per_prompt
        if len(candidates) != expected:
            raise DataError(
                f"{paths.CANDIDATES}: {len(candidates)} rows, and params.yaml asks for {expected} "
                "(generate.candidates, in whole waves); run `dvc repro`"
            )
        self.more: list[Candidate] = []
        self.counts: list[Counts] = []
        self.given_up: set[str] = set()
        self._first_waves = self._planned = self._waves()
        self._idle: Counter[str] = Counter()

    def run(self) -> None:
        """Write round after round until nothing lacks, or nothing more may be asked for."""
        config = self.session.config
        self._count(0)
        for number in range(1, self.params.top_up.max_rounds + 1):
            written = len(self.first) + len(self.more)
            asked = next_prompts(
                self._missing(),
                self.counts[-1],
                config.samples_per_prompt,
                config.prompts_per_wave,
                self.params.top_up.max_candidates - written,
            )
            if not asked:
                return
            self.labels += asked
            before, self._planned = len(self._planned), self._waves()
            self.more += self.session.write(self._planned[before:], f"top_up round {number}")[0]
            self._count(written)
            self._give_up()

    def more_prompts(self) -> list[Prompt]:
        """Return the distinct prompts that only the rounds used."""
        known = {prompt["id"] for prompt in distinct(self._first_waves)}
        return [prompt for prompt in distinct(self._planned) if prompt["id"] not in known]

    def _waves(self) -> list[list[Planned]]:
        # From the first prompt on: numbers, and with them ids and seeds, go on, and so do the methods' turns.
        return self.session.planner.plan(self.labels)

    def _missing(self) -> dict[str, int]:
        accepted = self.counts[-1].accepted
        return {name: self.wanted[name] - accepted[name] for name in self.wanted if name not in self.given_up}

    def _count(self, since: int) -> None:
        """Judge all candidates as `filter` will; those from `since` on are the last round's.

        All of them each time, as `filter` reads them: verification centres scores over all, and the last
        chunk that the LLM reads grows with them. At most 255 texts a round are read again for it, but
        `filter` then finds every chunk in the journal, and accepts exactly what was counted here.
        """
        candidates = [*self.first, *self.more]
        config = self.params.filter
        scores = {}
        if config.verify.action != "none":
            scores = judged(self.params, self.card, candidates, self.train, self.model).scores
        embed = partial(embed_rows, self.params.train)
        sieve, labels = sieved(config, self.card, candidates, self.train, self.test, scores, embed)
        size = self.session.config.samples_per_prompt
        asked = [label for label in self.labels for _ in range(size)]
        self.counts.append(count(candidates, asked, sieve, labels, since))

    def _give_up(self) -> None:
        last = self.counts[-1]
        for name in last.new_written:
            self._idle[name] = 0 if last.new_own[name] else self._idle[name] + 1
            if self._idle[name] == IDLE_ROUNDS:
                self.given_up.add(name)


def count(
    candidates: Sequence[Candidate], asked: Sequence[str], sieve: Sieve, labels: Mapping[str, str], since: int
) -> Counts:
    """Count the candidates by the labels that were asked for and the verdicts on them."""
    found = Counts(rejected={name: Counter() for name in dict.fromkeys(asked)})
    for place, (row, name) in enumerate(zip(candidates, asked, strict=True)):
        found.written[name] += 1
        if place >= since:
            found.new_written[name] += 1
        if row["id"] in sieve.verdicts:
            found.rejected[name][sieve.verdicts[row["id"]][0]] += 1
            continue
        found.accepted[labels[row["id"]]] += 1
        if labels[row["id"]] == name:
            found.own[name] += 1
            if place >= since:
                found.new_own[name] += 1
    return found
