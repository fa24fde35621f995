"""Lists that methods draw from (topics, personas, styles …): the card's, or asked from the LLM.

A single list of a small model is poor and repeats itself. So it is asked many times, after two lists of other
domains that show the form, and what most lists name comes first (self-consistency, Wang et al. 2023).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from labelmint.core.cache import Cache, fingerprint
from labelmint.core.errors import DataError
from labelmint.core.params import Generate
from labelmint.core.progress import progress
from labelmint.core.records import Idea
from labelmint.llm.base import LanguageModel, PromptGroup, Sampling
from labelmint.prompts.render import STOP, ChatTemplate
from labelmint.prompts.spec import Ideas
from labelmint.tasks.cards import TaskCard

IDEAS = 12  # values per question: those that most lists name
_LISTS = 48  # lists per question
_MAX_WORDS = 5
_MIN_IDEAS = 3
_ODD = re.compile(r"[\d<>{}\"“”:]")
_SAMPLING = Sampling(temperature=0.7, top_k=200, top_p=0.9, min_p=0.0, max_new_tokens=64, stop=STOP)

# The question, by kind, and how two other domains answer it.
_QUESTIONS = {
    "topic": (
        "What {a} can be about",
        "the food, the waiters, prices, loud music, a long wait, the view, small portions, the wine list",
        "lost cards, interest rates, a transfer abroad, forgotten passwords, mortgages, fees, savings",
    ),
    "persona": (
        "Who writes {a}",
        "a hungry student, a couple on their anniversary, a retired cook, a tourist, a vegetarian",
        "a worried pensioner, the owner of a bakery, a new father, a farmer, a landlord",
    ),
    "style": (
        "How {a} can be written",
        "short and dry, with irony, like a letter to a friend, in great detail, with a joke at the end",
        "politely, in one sentence, angrily, with many questions, in capital letters",
    ),
}
_QUESTIONS["writer"] = _QUESTIONS["persona"]
_OTHER_QUESTION = (
    "The {kind} in {a}",
    "the soup, the bill, the waiter, the garden, the desserts, the music",
    "the fee, the counter, the letter, the card, the interest, the branch",
)
_DOMAINS = ("a restaurant review", "a question to a bank")
# Kinds of which one list suits every label; of all others, each label has a list.
_SHARED_KINDS = ("persona", "writer", "style")


@dataclass(frozen=True)
class Question:
    """A list to ask for; `label` is "" where one list suits every label."""

    kind: str
    label: str


def card_ideas(card: TaskCard) -> dict[tuple[str, str], list[str]]:
    """Return the card's lists by kind and label."""
    lists: dict[tuple[str, str], list[str]] = {}
    for kind, values in (("topic", card.topics), ("persona", card.personas)):
        if values:
            lists[kind, ""] = values
    for kind, given in (card.attributes or {}).items():
        by_label = given if isinstance(given, dict) else {"": given}
        lists |= {(kind, label): values for label, values in by_label.items()}
    return lists


def questions(card: TaskCard, kinds: Iterable[str]) -> list[Question]:
    """Return the lists that the card doesn't give."""
    known = card_ideas(card)
    missing = []
    for kind in dict.fromkeys(kinds):
        labels = [name for name in card.label_names if not {(kind, name), (kind, "")} & known.keys()]
        if labels and kind in _SHARED_KINDS:
            labels = [""]
        missing += [Question(kind, label) for label in labels]
    return missing


def question_prompt(card: TaskCard, question: Question, template: ChatTemplate | None) -> str:
    """Return the prompt: two answered questions of other domains, and this one."""
    wording, *answers = _QUESTIONS.get(question.kind, _OTHER_QUESTION)
    examples = "".join(
        f"{wording.format(a=domain, kind=question.kind)}: {answer}\n\n"
        for domain, answer in zip(_DOMAINS, answers, strict=True)
    )
    phrase = f"{card.phrase(question.label)} " if question.label else ""
    name = f"{phrase}{card.text_name}"
    article = "an" if name[:1].lower() in "aeiou" else "a"
    start = wording.format(a=f"{article} {name}", kind=question.kind) + ":"
    return template(f"{examples}{start}", start) if template else examples + start


def collect(config: Generate, card: TaskCard, kinds: Iterable[str], model: LanguageModel) -> list[Idea]:
    """Return all values that methods of these kinds draw from: the card's, and what the LLM answers.

    Too few usable values are a `DataError` that says what to add to the card.
    """
    kinds = tuple(dict.fromkeys(kinds))
    ideas = [
        Idea(kind=kind, label=label, value=value, lists=0)
        for (kind, label), values in card_ideas(card).items()
        if kind in kinds
        for value in values
    ]
    cache = Cache("ideas", {"llm": model.identity, "sampling": vars(_SAMPLING)})
    template = model.chat_prompt if model.kind == "chat" else None
    for question in questions(card, kinds):
        text = question_prompt(card, question, template)
        ranked = rank(_ask(text, config.seed, model, cache, question.kind), card, question)[:IDEAS]
        if len(ranked) < _MIN_IDEAS:
            keys = {"topic": "topics", "persona": "personas"}
            raise DataError(
                f"params.yaml: generate.method: the model names only {len(ranked)} usable values of "
                f"{question.kind!r} for {question.label or 'the task'!r}; give them in the task "
                f"card ({keys.get(question.kind, f'attributes.{question.kind}')})"
            )
        for value, count in ranked:
            ideas.append(Idea(kind=question.kind, label=question.label, value=value, lists=count))
    return ideas


def _ask(text: str, seed: int, model: LanguageModel, cache: Cache, kind: str) -> list[str]:
    """Return the model's lists, from the cache if they are there."""
    seeds = np.random.SeedSequence([seed, _LISTS]).generate_state(_LISTS)
    group = PromptGroup(text, tuple(map(int, seeds)))
    key = fingerprint({"prompt": text, "seeds": group.seeds})
    answers: list[str] | None = cache.get(key)
    if answers is None:
        with progress(_LISTS, f"generate: {kind}", "lists") as bar:
            (lists,) = model.write_wave([group], _SAMPLING, lambda _: bar.update())
        answers = [answer.text for answer in lists]
        cache.add(key, answers)
    return answers


def rank(answers: Sequence[str], card: TaskCard, question: Question) -> list[tuple[str, int]]:
    """Return usable values with the number of lists that name them, most named first.

    Words of the prompt's examples, labels, the name of the texts, and long or empty items are left out;
    "the acting" and "acting" are one.
    """
    example_words = _long_words(" ".join(_QUESTIONS.get(question.kind, _OTHER_QUESTION)[1:]))
    labels = {_key(label.phrase) for label in card.labels.values()}
    name = card.text_name.casefold()
    counts: Counter[str] = Counter()
    spelling: dict[str, str] = {}
    for answer in answers:
        for key, item in {_key(item): item for item in _items(answer)}.items():
            named = key in labels or name in key or _long_words(key) & example_words
            if key and not named and not _ODD.search(item):
                counts[key] += 1
                spelling.setdefault(key, item)
    # most_common() keeps the order of first use among equals.
    return [(spelling[key], count) for key, count in counts.most_common()]


def _items(answer: str) -> Iterator[str]:
    # The last item may be cut off.
    for item in re.split("[,，、]", answer)[:-1]:
        words = re.sub(r"^(?:and|but|or)\s+", "", item.strip(" .;:–-")).split()
        if 1 <= len(words) <= _MAX_WORDS and len(words[-1]) > 1:
            yield " ".join(words)


def _long_words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) > 3} - {"with", "like"}


def _key(item: str) -> str:
    return re.sub(r"^(?:the|an?|my|your)\s+", "", item.strip().casefold())


def by_kind(ideas: Iterable[Idea]) -> Ideas:
    """Group values by kind and label, as methods draw them."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for idea in ideas:
        grouped.setdefault((idea["kind"], idea["label"]), []).append(idea["value"])
    return grouped
