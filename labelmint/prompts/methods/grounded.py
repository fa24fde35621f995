"""`grounded`: say something of a row of the card's table `facts`.

The table may hold what texts are to say or to mention: triples of a knowledge graph (Zhang et al. 2022,
arXiv 2205.10661), products, or slot values of intents (Peng et al. 2020, arXiv 2004.13952).
"""

from __future__ import annotations

import random

from labelmint.core.errors import ParamsError
from labelmint.core.params import Generate
from labelmint.core.records import Fact, Labelled, texts_of
from labelmint.core.slots import fill
from labelmint.prompts.facts import fact_in
from labelmint.prompts.spec import Context, Method, PromptSpec
from labelmint.tasks.cards import TaskCard, card_path


def check(config: Generate, card: TaskCard, task: str) -> None:
    """Raise `ParamsError` if the card has no table, or none that can be balanced as it is to be."""
    if card.facts is None:
        raise ParamsError(
            "params.yaml: generate.method: grounded takes rows of a table, and the task card names none; add "
            f"`facts: {{path: …, words: …}}` to {card_path(task)}, or choose another method"
        )
    if config.facts.sampling == "balanced" and card.facts.balance is None:
        raise ParamsError(
            "params.yaml: generate.facts.sampling: balanced needs a column whose values take turns; add "
            f"`balance: {next(iter(card.facts.columns))}` to `facts` in {card_path(task)}, or say uniform"
        )


def make_spec(label: str, draw: random.Random, context: Context) -> PromptSpec:
    """Ask for a text on the next fact of the label.

    Real rows are shown with a fact that they mention, where `must_occur` tells which they do: otherwise a
    small model doesn't heed the last header (of 70 texts 9 had the value).
    """
    fact, shown = context.fact(label), context.optional_demonstrations(label, draw)
    return PromptSpec(
        label,
        shown,
        modifiers=_words(context, fact),
        shown_modifiers=tuple(_words(context, _mentioned(context, row)) for row in shown),
        values=fact["values"],
    )


def _words(context: Context, fact: Fact | None) -> tuple[str, ...]:
    table = context.card.facts
    return (fill(table.words, fact["values"]),) if table and fact else ()


def _mentioned(context: Context, row: Labelled) -> Fact | None:
    table = context.card.facts
    if table is None or table.must_occur is None:
        return None
    texts = [row["text_pair"]] if context.writes_second else texts_of(row)
    return fact_in(texts, context.facts.get(row["label"], ()), table.must_occur)


METHOD = Method(
    name="grounded",
    summary="a row of the card's table of facts: a slot's value, a product, a triple",
    make_spec=make_spec,
    demonstrations="optional",
    check=check,
)
