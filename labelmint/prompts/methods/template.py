"""`template`: sentence templates with slots, filled by the LLM.

A template's {slots} take values that the card gives as attributes, or that the LLM is asked for; a template
need not end a sentence: the LLM goes on from where it stops. Without templates in the card, the openings of
real rows of the label are the templates. With real rows, `generate.demonstrations` of them are shown.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

from labelmint.core.errors import DataError, ParamsError
from labelmint.prompts.brief import Brief, Context
from labelmint.tasks.cards import TaskCard, card_path

# Enough to set the tone, too few to copy the row: the rest is the model's.
OPENING_WORDS = 3

# Not str.format's language: "{a.b}" and "{0}" mean nothing here, and a value may hold braces.
_SLOT = re.compile(r"\{(\w[\w -]*)\}")


def templates(card: TaskCard, label: str) -> list[str]:
    """Return the card's templates for a label, each on one line."""
    given = card.templates or []
    own = given.get(label, []) if isinstance(given, dict) else given
    return [" ".join(text.split()) for text in own]


def slots(text: str) -> list[str]:
    """Return the names of a template's slots, each once."""
    return list(dict.fromkeys(_SLOT.findall(text)))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Put values into a template's slots."""
    return _SLOT.sub(lambda slot: values[slot[1]], text)


def check(card: TaskCard, task: str) -> None:
    """Raise `ParamsError` if a template has braces that are no slot."""
    for text in (text for label in card.label_names for text in templates(card, label)):
        if re.search(r"[{}]", _SLOT.sub("", text)):
            raise ParamsError(
                f"{card_path(task)}: templates: {text!r} has a brace that belongs to no slot; write slots "
                "like {topic}, and no other braces"
            )


def kinds(card: TaskCard) -> tuple[str, ...]:
    """Return the slots of all templates."""
    every = [name for label in card.label_names for text in templates(card, label) for name in slots(text)]
    return tuple(dict.fromkeys(every))


def brief(label: str, draw: random.Random, context: Context) -> Brief:
    """Begin the text with a filled template, or with the opening of a real row that is not shown."""
    own = templates(context.card, label)
    rows = context.rows[label]
    if not own and not rows:
        raise DataError(
            f"params.yaml: generate.method: template: the task card has no templates for {label!r} and there "
            "are no real rows to take openings from; add `templates` to the card, or raise real.rows"
        )
    shown = context.further(label, draw)
    if not own:
        hidden = [row for row in rows if row not in shown] or list(rows)
        row = draw.choice(hidden)
        text = row["text_pair"] if context.writes_second else row["text"]
        start = " ".join(text.split()[:OPENING_WORDS])
        return Brief(label, shown=shown, start=start, values={"template": f"{start} …"})
    text = draw.choice(own)
    values = {kind: context.idea(kind, label, draw) for kind in slots(text)}
    return Brief(label, shown=shown, start=filled(text, values), values={"template": text, **values})
