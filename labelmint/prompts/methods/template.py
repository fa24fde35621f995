"""`template`: begin the text with a sentence template, whose slots are filled with ideas.

A template's {slots} take values that the card gives as attributes, or that the LLM is asked for. A template
need not be a whole sentence: the LLM continues it. Without templates in the card, the first words of real
rows of the label are the templates.
"""

from __future__ import annotations

import random

from labelmint.core.errors import DataError, ParamsError
from labelmint.core.params import Generate
from labelmint.core.slots import fill, has_stray_brace, slots
from labelmint.core.words import spans
from labelmint.prompts.spec import Context, Method, PromptSpec
from labelmint.tasks.cards import TaskCard, card_path

# Enough to set the tone, too few to copy the row: the rest is the model's.
OPENING_WORDS = 3


def templates_of(card: TaskCard, label: str) -> list[str]:
    """Return the card's templates for a label."""
    templates = card.templates or []
    return templates.get(label, []) if isinstance(templates, dict) else templates


def check(_config: Generate, card: TaskCard, task: str) -> None:
    """Raise `ParamsError` if a template has braces that are no slot."""
    for text in (text for label in card.label_names for text in templates_of(card, label)):
        if has_stray_brace(text):
            raise ParamsError(
                f"{card_path(task)}: templates: {text!r} has a brace that belongs to no slot; write slots "
                "like {topic}, and no other braces"
            )


def idea_kinds(card: TaskCard) -> tuple[str, ...]:
    """Return the slots of all templates."""
    names = [name for label in card.label_names for text in templates_of(card, label) for name in slots(text)]
    return tuple(dict.fromkeys(names))


def make_spec(label: str, draw: random.Random, context: Context) -> PromptSpec:
    """Begin the text with a filled template, or with the first words of a real row that is not shown."""
    templates, rows = templates_of(context.card, label), context.rows[label]
    if not templates and not rows:
        raise DataError(
            f"params.yaml: generate.method: template: the task card has no templates for {label!r} and there "
            "are no real rows to take openings from; add `templates` to the card, or raise real.rows"
        )
    shown = context.optional_demonstrations(label, draw)
    if not templates:
        row = draw.choice([row for row in rows if row not in shown] or list(rows))
        text = row["text_pair"] if context.writes_second else row["text"]
        start = text[: spans(text)[:OPENING_WORDS][-1][1]]
        return PromptSpec(label, shown, start=start, values={"template": f"{start} …"})
    text = draw.choice(templates)
    values = {kind: context.idea(kind, label, draw) for kind in slots(text)}
    return PromptSpec(label, shown, start=fill(text, values), values={"template": text, **values})


METHOD = Method(
    name="template",
    summary="the text's beginning: a template's, or a real row's first three words",
    make_spec=make_spec,
    demonstrations="optional",
    idea_kinds=idea_kinds,
    check=check,
)
