"""Sets of ten texts in pairs, of which one is known to be the more diverse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from experiments.engine import load_task, write
from experiments.sources import task_params
from labelmint.describe.subsamples import equal_texts
from labelmint.llm import open_model

TEXTS, WORDS = 10, 15  # of each set, and of each text
SETS = 16  # of each kind, less and more diverse ones each
FEW = 3  # different texts in a set of near-duplicates
KINDS = {
    "topics": "texts of one label of bbc_news, against texts of all five",
    "duplicates": f"{TEXTS} versions of {FEW} texts of bbc_news, against {TEXTS} texts, all without a word",
    "prompts": f"texts of bbc_news written from one prompt, against texts of {TEXTS} prompts of any label",
}

Group = list[str]  # the texts of a set
Sets = dict[str, tuple[list[Group], list[Group]]]  # by kind the less and the more diverse sets
Draw = np.random.Generator


def real_texts() -> dict[str, Group]:
    """Return openings of BBC news by label."""
    texts = defaultdict(list)
    for row in load_task(task_params("bbc_news")).rows.pool:
        texts[row["label"]].append(row["text"])
    return {label: equal_texts(of, WORDS, 1) for label, of in texts.items()}


def written_texts() -> list[Group]:
    """Return openings of the default texts of BBC news by prompt."""
    task = load_task(task_params("bbc_news"))
    with open_model(task.params.llm) as model:
        candidates = write(task, model)
    texts = defaultdict(list)
    for row in candidates:
        texts[row["prompt_id"]].append(row["text"])
    openings = [equal_texts(of, WORDS, 1) for of in texts.values()]
    return [of for of in openings if len(of) >= TEXTS]


def make_sets(by_label: Mapping[str, Group], by_prompt: Sequence[Group], draw: Draw) -> Sets:
    """Return `SETS` pairs of a less and a more diverse set for each of `KINDS`."""
    labels, texts = sorted(by_label), [text for of in by_label.values() for text in of]
    sets: Sets = {kind: ([], []) for kind in KINDS}
    for number in range(SETS):
        less, more = sets["topics"]
        less.append(some(by_label[labels[number % len(labels)]], TEXTS, draw))
        more.append(some([*mixed([by_label[label] for label in labels], draw)], TEXTS, draw))
        less, more = sets["duplicates"]
        originals = some(texts, FEW, draw)
        copies = [originals[place % FEW] for place in range(TEXTS)]
        less.append(some([without_a_word(text, draw) for text in copies], TEXTS, draw))
        more.append([without_a_word(text, draw) for text in some(texts, TEXTS, draw)])
        less, more = sets["prompts"]
        less.append(some(by_prompt[int(draw.integers(len(by_prompt)))], TEXTS, draw))
        more.append(some([*mixed(by_prompt, draw)], TEXTS, draw))
    return sets


def some(texts: Sequence[str], number: int, draw: Draw) -> Group:
    """Return so many of the texts in a random order."""
    return [texts[place] for place in draw.permutation(len(texts))[:number]]


def mixed(groups: Sequence[Group], draw: Draw) -> Iterator[str]:
    """Yield `TEXTS` texts from as many of the groups as can be, the same number of each."""
    chosen = draw.permutation(len(groups))[:TEXTS]
    for place in chosen:
        yield from some(groups[place], -(-TEXTS // len(chosen)), draw)


def without_a_word(text: str, draw: Draw) -> str:
    """Return the text with a random word left out."""
    words = text.split()
    del words[draw.integers(len(words))]
    return " ".join(words)


def examples(by_label: Mapping[str, Group]) -> str:
    """Return three groups of texts with their numbers of topics, as the start of a prompt."""
    draw, parts = np.random.default_rng(2), []
    for topics in (2, 5, 1):
        labels = some(sorted(by_label), topics, draw)
        texts = some([*mixed([by_label[label] for label in labels], draw)], TEXTS, draw)
        parts.append(f"{listed(texts)}\nNumber of topics: {topics}\n\n")
    return "".join(parts)


def listed(texts: Sequence[str]) -> str:
    """Return the texts as numbered lines."""
    return "\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1))
