"""Which facts the prompts of a label take, one after the other: `generate.facts`."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import chain, zip_longest

import numpy as np

from labelmint.core.params import FactSampling, Generate
from labelmint.core.records import Fact
from labelmint.core.words import mentions
from labelmint.tasks.cards import TaskCard

# After so many rows the next ones are about as unlike the others as rows drawn by lot, and cost more time.
_MOST_DIVERSE = 500


def facts_by_label(config: Generate, card: TaskCard, facts: Sequence[Fact]) -> dict[str, list[Fact]]:
    """Return each label's facts, those first that its prompts take, in their order.

    A larger `rows` only adds facts to these.
    """
    column = card.facts.balance if card.facts else None
    return {
        label: _order(config.facts, column, suitable, random.Random(f"{config.seed}:facts:{label}"))
        for label in card.label_names
        if (suitable := [fact for fact in facts if fact["label"] in (label, "")])
    }


def _order(
    config: FactSampling, column: str | None, facts: Sequence[Fact], draw: random.Random
) -> list[Fact]:
    shuffled = draw.sample(facts, len(facts))
    if config.sampling == "balanced" and column is not None:
        shuffled = _in_turn(shuffled, column)
    if config.sampling == "diversity":
        shuffled = _diverse_first(shuffled, config.rows or len(facts))
    return shuffled


def _in_turn(facts: Sequence[Fact], column: str) -> list[Fact]:
    """Return one fact of each value of a column, then a second one of each, and so on."""
    groups: dict[str, list[Fact]] = {}
    for fact in facts:
        groups.setdefault(fact["values"][column], []).append(fact)
    return [fact for fact in chain(*zip_longest(*groups.values())) if fact is not None]


def _diverse_first(facts: Sequence[Fact], count: int) -> list[Fact]:
    """Begin with the first fact, and go on with the one that is least like all before it (Gonzalez 1985).

    Facts are compared by the cosine of the TF-IDF weights of their character trigrams, which needs neither
    words nor an encoder. What is beyond `count` facts keeps its order.
    """
    # Here, because scikit-learn takes a second to load.
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [" ".join(fact["values"].values()) for fact in facts]
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3)).fit_transform(texts)
    chosen, nearest = [0], np.full(len(facts), -1.0)
    while len(chosen) < min(count, len(facts), _MOST_DIVERSE):
        nearest = np.maximum(nearest, vectors @ vectors[chosen[-1]].toarray()[0])
        nearest[chosen[-1]] = np.inf
        chosen.append(int(nearest.argmin()))
    rest = sorted(set(range(len(facts))) - {*chosen})
    return [facts[place] for place in (*chosen, *rest)]


def fact_in(texts: Sequence[str], facts: Sequence[Fact], column: str) -> Fact | None:
    """Return the fact whose cell in a column, the longest one if there are several, stands in a text."""
    found = [fact for fact in facts if any(mentions(text, fact["values"][column]) for text in texts)]
    return max(found, key=lambda fact: len(fact["values"][column]), default=None)
