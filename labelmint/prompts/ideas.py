"""Lists that methods draw from (topics, personas, styles …): the card's, or asked from the LLM.

A small model's single list is poor and repeats itself. So it is asked many times, after two lists of other
domains that show the form, and what most of its lists name comes first (self-consistency, Wang et al. 2023).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from labelmint.core.cache import Journal, fingerprint
from labelmint.core.errors import DataError
from labelmint.core.params import Generate
from labelmint.core.progress import progress
from labelmint.core.records import Idea
from labelmint.llm.base import LanguageModel, PromptGroup, Sampling
from labelmint.prompts.brief import Ideas
from labelmint.prompts.prompts import STOP, ChatTemplate
from labelmint.tasks.cards import TaskCard

_LISTS = 48  # lists per question
_MAX_WORDS = 5
_FEWEST = 3
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
_OTHER = (
    "The {kind} in {a}",
    "the soup, the bill, the waiter, the garden, the desserts, the music",
    "the fee, the counter, the letter, the card, the interest, the branch",
)
_DOMAINS = ("a restaurant review", "a question to a bank")
# One list of them suits every label; of all else, each label has a list.
_FOR_ALL = ("persona", "writer", "style")


@dataclass(frozen=True)
class Question:
    """A list to ask for; `label` is "" where one list suits every label."""

    kind: str
    label: str


def given(card: TaskCard) -> dict[tuple[str, str], list[str]]:
    """Return the card's own lists by kind and label."""
    lists: dict[tuple[str, str], list[str]] = {}
    for kind, values in (("topic", card.topics), ("persona", card.personas)):
        if values:
            lists[kind, ""] = _one_line(values)
    for kind, own in (card.attributes or {}).items():
        by_label = own if isinstance(own, dict) else {"": own}
        lists |= {(kind, label): _one_line(values) for label, values in by_label.items()}
    return lists


def _one_line(values: Iterable[str]) -> list[str]:
    return [" ".join(value.split()) for value in values]


def questions(card: TaskCard, kinds: Iterable[str]) -> list[Question]:
    """Return the lists that the card doesn't give."""
    known = given(card)
    missing = []
    for kind in dict.fromkeys(kinds):
        without = [name for name in card.label_names if not {(kind, name), (kind, "")} & known.keys()]
        labels = without if kind not in _FOR_ALL else [""] * bool(without)
        missing += [Question(kind, label) for label in labels]
    return missing


def prompt(card: TaskCard, question: Question, template: ChatTemplate | None) -> str:
    """Return the prompt: two answered questions of other domains, and this one."""
    asked, *answers = _QUESTIONS.get(question.kind, _OTHER)
    phrase = f"{card.phrase(question.label)} " if question.label else ""
    said = [asked.format(a=domain, kind=question.kind) for domain in _DOMAINS]
    shown = "".join(f"{line}: {answer}\n\n" for line, answer in zip(said, answers, strict=True))
    own = asked.format(a=article(f"{phrase}{card.text_name}"), kind=question.kind) + ":"
    return template(f"{shown}{own}", own) if template else shown + own


def article(name: str) -> str:
    """Put "a" or "an" before a name."""
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def collect(config: Generate, card: TaskCard, kinds: Iterable[str], model: LanguageModel) -> list[Idea]:
    """Return all values that the methods need: the card's, and what the LLM answers.

    Raises
    ------
    DataError
        If the model names too few usable values; says what to add to the card.
    """
    kinds = tuple(dict.fromkeys(kinds))
    ideas = [
        Idea(kind=kind, label=label, value=value, lists=0)
        for (kind, label), values in given(card).items()
        if kind in kinds
        for value in values
    ]
    journal = Journal("ideas", {"llm": model.identity, "sampling": vars(_SAMPLING)})
    template = model.chat_prompt if model.kind == "chat" else None
    for question in questions(card, kinds):
        answers = _ask(prompt(card, question, template), config.seed, model, journal, question.kind)
        named = rank(answers, card, question)[: config.ideas]
        if len(named) < _FEWEST:
            raise DataError(
                f"params.yaml: generate.method: the model names only {len(named)} usable values of "
                f"{question.kind!r} for {question.label or 'the task'!r}; give them in the task "
                f"card ({_where(question)})"
            )
        ideas += [
            Idea(kind=question.kind, label=question.label, value=value, lists=count) for value, count in named
        ]
    return ideas


def _ask(text: str, seed: int, model: LanguageModel, journal: Journal, kind: str) -> list[str]:
    """Return the model's lists, from the journal if they are there."""
    draws = np.random.SeedSequence([seed, _LISTS]).generate_state(_LISTS)
    group = PromptGroup(text, tuple(map(int, draws)))
    key = fingerprint({"prompt": text, "seeds": group.seeds})
    if key not in journal:
        with progress(_LISTS, f"generate: {kind}", "lists") as bar:
            (lists,) = model.write_wave([group], _SAMPLING, lambda _: bar.update())
        journal.add(key, [answer.text for answer in lists])
    found: list[str] = journal[key]
    return found


def rank(answers: Sequence[str], card: TaskCard, question: Question) -> list[tuple[str, int]]:
    """Return usable values with the number of lists that name them, most named first.

    Words of the prompt's own examples, labels, the text's own name, and long or empty items are left out;
    "the acting" and "acting" are one.
    """
    shown = _words(" ".join(_QUESTIONS.get(question.kind, _OTHER)[1:]))
    labels = {_key(label.phrase) for label in card.labels.values()}
    name = card.text_name.casefold()
    counts: Counter[str] = Counter()
    spelling: dict[str, str] = {}
    for answer in answers:
        items = {_key(item): item for item in _items(answer)}
        for key, item in items.items():
            if (
                key
                and key not in labels
                and name not in key
                and not _words(key) & shown
                and not _ODD.search(item)
            ):
                counts[key] += 1
                spelling.setdefault(key, item)
    order = list(counts)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], order.index(pair[0])))
    return [(spelling[key], count) for key, count in ranked]


def _items(answer: str) -> Iterator[str]:
    # The last item may be cut off; a list of one item is none.
    for item in answer.split(",")[:-1]:
        words = re.sub(r"^(?:and|but|or)\s+", "", item.strip(" .;:–-")).split()
        if 1 <= len(words) <= _MAX_WORDS and len(words[-1]) > 1:
            yield " ".join(words)


def _words(text: str) -> set[str]:
    """Return the words that say something, by their length."""
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) > 3} - {"with", "like"}


def _key(item: str) -> str:
    return re.sub(r"^(?:the|an?|my|your)\s+", "", item.strip().casefold())


def _where(question: Question) -> str:
    named = {"topic": "topics", "persona": "personas"}
    return named.get(question.kind, f"attributes.{question.kind}")


def by_kind(ideas: Iterable[Idea]) -> Ideas:
    """Group values as methods draw them."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for idea in ideas:
        grouped.setdefault((idea["kind"], idea["label"]), []).append(idea["value"])
    return grouped
