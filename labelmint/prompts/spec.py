"""What a prompt asks for, before it is put into words for a base or a chat model, and what a method is."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from labelmint.core.errors import DataError
from labelmint.core.params import Generate
from labelmint.core.records import Fact, Labelled
from labelmint.tasks.cards import TaskCard

# Lists of topics, personas … by kind and label; "" holds those that suit every label.
Ideas = Mapping[tuple[str, str], Sequence[str]]


@dataclass(frozen=True)
class PromptSpec:
    """What one prompt asks for."""

    label: str
    demonstrations: tuple[Labelled, ...] = ()
    modifiers: tuple[str, ...] = ()  # complete the header: "about the acting", "by a nurse"
    start: str = ""  # of the text itself
    first_text: str = ""  # of a pair, if only the second is written
    shown_modifiers: tuple[tuple[str, ...], ...] = ()  # of each demonstration's header; (): none have any
    values: dict[str, str] = field(default_factory=dict)  # that were drawn; recorded with each row


@dataclass(frozen=True)
class Context:
    """What methods draw from: settings, the card, the real rows by label, lists of ideas, facts by label.

    `turn` counts the earlier prompts of the label by the same method.
    """

    config: Generate
    card: TaskCard
    rows: Mapping[str, Sequence[Labelled]]
    ideas: Ideas
    facts: Mapping[str, Sequence[Fact]] = field(default_factory=dict)
    turn: int = 0

    @property
    def writes_second(self) -> bool:
        """Whether only second texts of pairs are written, to real rows' first ones."""
        return writes_second(self.config, self.card, has_rows=any(self.rows.values()))

    def demonstrations(self, label: str, count: int, draw: random.Random) -> tuple[Labelled, ...]:
        """Draw real rows to show: of the label, or of all labels in turn, ending with the label's.

        With `order: text_first` they are of all labels: rows of one label would give the answer away.
        A label with fewer rows shows all it has; one without any is a `DataError`.
        """
        if self.config.demonstration_labels == "same" and self.config.order == "label_first":
            return tuple(self._sample(label, count, draw))
        others = [name for name in self.card.label_names if name != label]
        draw.shuffle(others)
        turns = [label, *others]
        wanted = [turns[place % len(turns)] for place in range(count)]
        pools = {name: self._sample(name, wanted.count(name), draw) for name in dict.fromkeys(wanted)}
        return tuple(pools[name].pop() for name in reversed(wanted) if pools[name])

    def optional_demonstrations(self, label: str, draw: random.Random) -> tuple[Labelled, ...]:
        """Draw `generate.demonstrations` real rows to show; none if the label has none."""
        return self.demonstrations(label, self.config.demonstrations, draw) if self.rows[label] else ()

    def _sample(self, label: str, count: int, draw: random.Random) -> list[Labelled]:
        rows = self.rows[label]
        if count and not rows:
            total = sum(map(len, self.rows.values()))
            raise DataError(
                f"params.yaml: generate.method: none of the {total} real rows to show is labelled {label!r}; "
                "raise real.rows, or choose a method without demonstrations"
            )
        return draw.sample(rows, min(count, len(rows)))

    def idea(self, kind: str, label: str, draw: random.Random) -> str:
        """Draw one of the kind's values that suit the label."""
        return draw.choice(self.ideas.get((kind, label)) or self.ideas[kind, ""])

    def fact(self, label: str) -> Fact:
        """Return the fact whose turn it is: each comes once before one comes again."""
        if not (facts := self.facts.get(label)):
            raise DataError(f"no row of the task card's `facts` suits the label {label!r}; run `dvc repro`")
        return facts[self.turn % min(len(facts), self.config.facts.rows or len(facts))]


def writes_second(config: Generate, card: TaskCard, *, has_rows: bool) -> bool:
    """Return whether only second texts of pairs are written, to real rows' first ones."""
    return card.pair_name is not None and config.pairs == "second" and has_rows


@dataclass(frozen=True)
class Method:
    """A prompt method: everything that the rest of the code knows about it.

    `make_spec` takes the label and the random draws; `check` takes the task's name last, and raises
    `ParamsError` if the method can't work with settings and card.
    """

    name: str
    summary: str  # what its prompts have, as in docs/explanation/prompt_methods.md
    make_spec: Callable[[str, random.Random, Context], PromptSpec]
    # Whether prompts show real rows: never, where there are any, or always (it needs rows of each label).
    demonstrations: Literal["none", "optional", "required"] = "none"
    idea_kinds: Callable[[TaskCard], Sequence[str]] = lambda card: ()
    check: Callable[[Generate, TaskCard, str], None] = lambda config, card, task: None
