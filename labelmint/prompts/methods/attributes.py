"""`attributes`: a value of each attribute is drawn (Yu et al. 2023, "AttrPrompt").

The card gives attributes and their values, for all labels or by label; without any, topic, style and writer
are asked from the LLM. With real rows, `generate.demonstrations` of them are shown.
"""

from __future__ import annotations

import random

from labelmint.prompts.brief import Brief, Context
from labelmint.tasks.cards import TaskCard

ASKED = ("topic", "style", "persona")
# How a value is said in the header; any other attribute of a card is said as it is: "length: one sentence".
SAID = {"topic": "about {}", "persona": "by {}", "writer": "by {}", "style": "{}", "length": "{}"}


def kinds(card: TaskCard) -> tuple[str, ...]:
    """Return the attributes' names, in the card's order."""
    return tuple(card.attributes or ASKED)


def brief(label: str, draw: random.Random, context: Context) -> Brief:
    """Ask for a text with one value of each attribute."""
    values = {kind: context.idea(kind, label, draw) for kind in kinds(context.card)}
    shown = context.further(label, draw)
    wishes = tuple(SAID.get(kind, f"{kind}: {{}}").format(value) for kind, value in values.items())
    return Brief(label, shown=shown, wishes=wishes, values=values)
