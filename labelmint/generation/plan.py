"""Plan the prompts: which label, which method, which real rows and seeds, by (stage seed, prompt number)."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labelmint.core.params import Generate
from labelmint.core.records import Labelled, Prompt
from labelmint.llm.base import PromptGroup
from labelmint.prompts import prompts
from labelmint.prompts.brief import Brief, Context, Ideas
from labelmint.prompts.methods import BRIEFS
from labelmint.prompts.prompts import ChatTemplate
from labelmint.tasks.cards import TaskCard


@dataclass(frozen=True)
class Planned:
    """A prompt and the seeds of the texts to be written from it; `first` numbers the first of them."""

    prompt: Prompt
    first: int
    seeds: tuple[int, ...]
    brief: Brief
    contrast: tuple[str, ...] = ()

    @property
    def group(self) -> PromptGroup:
        """What the language model needs of it."""
        return PromptGroup(self.prompt["text"], self.seeds, self.contrast)


class Planner:
    """Plans prompts one by one; a prompt depends on its number and label alone.

    Parameters
    ----------
    config : Generate
        The `generate` section of params.yaml.
    card : TaskCard
        The task.
    rows : sequence of Labelled
        The real training rows, which may be none.
    template : callable or None
        (request, start of the answer) → prompt in the chat template; None for a base model.
    methods : mapping
        Methods and their shares.
    ideas : Ideas
        Lists that the methods draw from.
    """

    def __init__(
        self,
        config: Generate,
        card: TaskCard,
        rows: Sequence[Labelled],
        template: ChatTemplate | None,
        methods: Mapping[str, float],
        ideas: Ideas,
    ) -> None:
        self.config, self.card, self.template, self.rows = config, card, template, rows
        by_label = {name: [row for row in rows if row["label"] == name] for name in card.label_names}
        self.context = Context(config, card, by_label, ideas)
        self.methods = methods

    def plan(self, labels: Iterable[str], first_prompt: int = 0) -> list[list[Planned]]:
        """Return waves of one prompt per label given; methods take turns within each label by their shares.

        Raises
        ------
        DataError
            If a label has no real row to show.
        """
        turns: dict[str, Iterator[str]] = {}
        planned = []
        for number, label in enumerate(labels, first_prompt):
            turn = turns.setdefault(label, in_turn(self.methods))
            planned.append(self.prompt(number, label, next(turn)))
        return self.waves(planned)

    def waves(self, planned: Sequence[Planned]) -> list[list[Planned]]:
        """Part prompts into waves."""
        size = self.config.prompts_per_wave
        return [list(planned[start : start + size]) for start in range(0, len(planned), size)]

    def prompt(self, number: int, label: str, method: str) -> Planned:
        """Plan one prompt."""
        config = self.config
        brief = self._brief(number, label, method)
        text = self._words(brief)
        others = [name for name in self.card.label_names if name != label] if config.contrast else []
        prompt = Prompt(
            id="p" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12],
            label=label,
            text=text,
            demonstration_ids=[row["id"] for row in brief.shown],
            method=method,
            values=brief.values,
        )
        seeds = np.random.SeedSequence([config.seed, number]).generate_state(config.samples_per_prompt)
        return Planned(
            prompt,
            number * config.samples_per_prompt,
            tuple(map(int, seeds)),
            brief,
            # The same wishes for the other labels, with rows of theirs.
            tuple(self._words(self._as_label(brief, other, number, method)) for other in others),
        )

    def _brief(self, number: int, label: str, method: str) -> Brief:
        draw = random.Random(f"{self.config.seed}:{number}")
        brief = BRIEFS[method](label, draw, self.context)
        if self.context.writes_second:
            # Any label's row: whether the pair is of the label is up to its second text. None that is shown
            # with its second text: that would be copied.
            hidden = [row for row in self.rows if row not in brief.shown] or self.rows
            return replace(brief, given=draw.choice(hidden)["text"])
        return brief

    def _as_label(self, brief: Brief, label: str, number: int, method: str) -> Brief:
        own = self._brief(number, label, method)
        return replace(brief, label=label, shown=own.shown)

    def _words(self, brief: Brief) -> str:
        if self.config.order == "text_first":
            return prompts.text_first_prompt(self.card, brief, self.template)
        if self.template:
            return prompts.chat_prompt(self.card, brief, self.template, self.config.max_new_tokens)
        return prompts.base_prompt(self.card, brief)


def drawn_labels(config: Generate, shares: Mapping[str, float]) -> list[str]:
    """Return the labels of all prompts: in turn, by their shares.

    More `candidates` only append prompts, so that earlier texts are found in the journal again.
    """
    per_wave = config.prompts_per_wave * config.samples_per_prompt
    count = -(-config.candidates // per_wave) * config.prompts_per_wave
    turn = in_turn(shares)
    return [next(turn) for _ in range(count)]


def in_turn(shares: Mapping[str, float]) -> Iterator[str]:
    """Yield names for ever, each as often as its share says: whoever is furthest behind is next."""
    total = sum(shares.values())
    taken = dict.fromkeys(shares, 0)
    number = 0
    while True:
        number += 1
        # round(): with equal shares the floats' last bits must not decide whose turn it is.
        behind = {name: round(share / total * number - taken[name], 9) for name, share in shares.items()}
        name = max(behind, key=lambda each: behind[each])
        taken[name] += 1
        yield name


def distinct(waves: Iterable[Sequence[Planned]]) -> Iterator[Prompt]:
    """Yield every distinct prompt once, in order of first use."""
    seen = set()
    for planned in (each for wave in waves for each in wave):
        if planned.prompt["id"] not in seen:
            seen.add(planned.prompt["id"])
            yield planned.prompt
