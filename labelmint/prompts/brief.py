"""What a prompt asks for, before it is put into words for a base or a chat model."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from labelmint.core.errors import DataError
from labelmint.core.params import Generate
from labelmint.core.records import Labelled
from labelmint.tasks.cards import TaskCard

# Lists of topics, personas … by kind and label; "" holds those that suit every label.
Ideas = Mapping[tuple[str, str], Sequence[str]]


@dataclass(frozen=True)
class Brief:
    """What one prompt asks for.

    `wishes` complete the header ("about the acting", "by a nurse"), `start` begins the text itself, and
    `given` is a pair's first text. `values` are what each row written from it records.
    """

    label: str
    shown: tuple[Labelled, ...] = ()
    wishes: tuple[str, ...] = ()
    start: str = ""
    given: str = ""
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """What methods draw from: settings, the card, the real rows by label, and lists of ideas."""

    config: Generate
    card: TaskCard
    rows: Mapping[str, Sequence[Labelled]]
    ideas: Ideas

    @property
    def writes_second(self) -> bool:
        """Whether only second texts of pairs are written, to real rows' first ones."""
        return writes_second(self.config, self.card, has_rows=any(self.rows.values()))

    def demonstrations(self, label: str, count: int, draw: random.Random) -> tuple[Labelled, ...]:
        """Draw real rows to show: of the label, or, contrasting, of all labels in turn with its own last.

        Text first, the labels are always in turn: rows of one label would give away the answer's.

        A label of fewer rows shows what it has.

        Raises
        ------
        DataError
            If a label has no row.
        """
        if self.config.demonstration_labels == "same" and self.config.order == "label_first":
            return tuple(self._draw(label, count, draw))
        others = [name for name in self.card.label_names if name != label]
        draw.shuffle(others)
        order = [label, *others]
        wanted = [order[place % len(order)] for place in range(count)]
        pools = {name: self._draw(name, wanted.count(name), draw) for name in dict.fromkeys(wanted)}
        return tuple(pools[name].pop() for name in reversed(wanted) if pools[name])

    def further(self, label: str, draw: random.Random) -> tuple[Labelled, ...]:
        """Draw the real rows that a method shows which can do without: none if the label has none."""
        return self.demonstrations(label, self.config.demonstrations, draw) if self.rows[label] else ()

    def _draw(self, label: str, count: int, draw: random.Random) -> list[Labelled]:
        own = self.rows[label]
        if count and not own:
            total = sum(map(len, self.rows.values()))
            raise DataError(
                f"params.yaml: generate.method: none of the {total} real rows to show is labelled {label!r}; "
                "raise real.rows, or choose a method without demonstrations"
            )
        return draw.sample(own, min(count, len(own)))

    def idea(self, kind: str, label: str, draw: random.Random) -> str:
        """Draw one of the kind's values that suit the label."""
        return draw.choice(self.ideas.get((kind, label)) or self.ideas[kind, ""])


def writes_second(config: Generate, card: TaskCard, *, has_rows: bool) -> bool:
    """Return whether only second texts of pairs are written, to real rows' first ones."""
    return card.pair_name is not None and config.pairs == "second" and has_rows


# (label, draw, context) → what to ask for.
Method = Callable[[str, random.Random, Context], Brief]
