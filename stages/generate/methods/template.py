"""`template`: sentence templates with slots, filled by the LLM.

A template's {slots} take values that the card gives as attributes, or that the LLM is asked for; a template
need not end a sentence: the LLM goes on from where it stops. Without templates in the card, the openings of
real rows of the label are the templates. With real rows, `generate.demonstrations` of them are shown.
"""

from __future__ import annotations

import random
import string

from stages.errors import DataError
from stages.generate.brief import Brief, Context
from stages.tasks import TaskCard

# Enough to set the tone, too few to copy the row: the rest is the model's.
OPENING_WORDS = 3


def templates(card: TaskCard, label: str) -> list[str]:
    """Return the card's templates for a label."""
    given = card.templates or []
    return list(given.get(label, []) if isinstance(given, dict) else given)


def slots(text: str) -> list[str]:
    """Return the names of a template's slots, each once."""
    return list(dict.fromkeys(name for _, name, _, _ in string.Formatter().parse(text) if name))


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
            f"generate.method: template: the task card has no templates for {label!r} and there are no real "
            "rows to take openings from; add `templates` to the card"
        )
    shown = context.demonstrations(label, context.config.demonstrations, draw) if rows else ()
    if not own:
        hidden = [row for row in rows if row not in shown] or list(rows)
        start = " ".join(draw.choice(hidden)["text"].split()[:OPENING_WORDS])
        return Brief(label, shown=shown, start=start, values={"template": f"{start} …"})
    text = draw.choice(own)
    values = {kind: context.idea(kind, label, draw) for kind in slots(text)}
    return Brief(label, shown=shown, start=text.format(**values), values={"template": text, **values})
