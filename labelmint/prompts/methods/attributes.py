"""`attributes`: draw a value of each attribute (Yu et al. 2023, "AttrPrompt").

The card gives attributes and their values, for all labels or by label; without any, topics, styles and
personas are asked from the LLM.
"""

from __future__ import annotations

import random

from labelmint.prompts.spec import Context, Method, PromptSpec
from labelmint.tasks.cards import TaskCard

DEFAULT_KINDS = ("topic", "style", "persona")
# How the header names a value; any other attribute of a card is named as it is: "length: one sentence".
_BEFORE = {"topic": "about ", "persona": "by ", "writer": "by ", "style": "", "length": ""}


def idea_kinds(card: TaskCard) -> tuple[str, ...]:
    """Return the attributes' names, in the card's order."""
    return tuple(card.attributes or DEFAULT_KINDS)


def make_spec(label: str, draw: random.Random, context: Context) -> PromptSpec:
    """Ask for a text with one value of each attribute."""
    values = {kind: context.idea(kind, label, draw) for kind in idea_kinds(context.card)}
    modifiers = tuple(_BEFORE.get(kind, f"{kind}: ") + value for kind, value in values.items())
    demonstrations = context.optional_demonstrations(label, draw)
    return PromptSpec(label, demonstrations, modifiers, values=values)


METHOD = Method(
    name="attributes",
    summary="a value of each attribute: topic, style, writer, or the card's own (Yu et al. 2023, "
    '"AttrPrompt")',
    make_spec=make_spec,
    demonstrations="optional",
    idea_kinds=idea_kinds,
)
