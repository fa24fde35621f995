"""Turn what the model wrote into a candidate: one line per text, its fields and, text first, its label."""

from __future__ import annotations

from dataclasses import dataclass

from labelmint.core.params import Generate
from labelmint.llm.base import Completion
from labelmint.prompts import prompts
from labelmint.prompts.brief import Brief, writes_second
from labelmint.tasks.cards import TaskCard

_QUOTES = '"“”'


@dataclass(frozen=True)
class Fields:
    """A candidate's fields; `label` is "" if the model was to say it and didn't."""

    text: str
    text_pair: str | None
    label: str


def stop_text(config: Generate, card: TaskCard, *, has_rows: bool) -> str:
    """Return what ends an answer: a line break, or an empty line where the answer has several fields."""
    both = card.pair_name is not None and not writes_second(config, card, has_rows=has_rows)
    several = config.order == "text_first" or both
    return prompts.FIELDS_STOP if several else prompts.STOP


def fields(config: Generate, card: TaskCard, brief: Brief, answer: Completion) -> Fields:
    """Return the fields of an answer."""
    written, label = answer.text, brief.label
    if config.order == "text_first":
        written, _, said = written.partition(f"\n{card.question}:")
        label = _label_of(card, said)
    written = f"{brief.start} {written}" if brief.start else written
    if card.pair_name is None:
        return Fields(one_line(written), None, label)
    if brief.given:
        return Fields(brief.given, one_line(written), label)
    head = prompts.pair_header(card, brief.label)
    if config.order == "text_first":
        head = f"{prompts.capital(card.pair_name)}:"
    first, _, second = written.partition(f"\n{head}")
    return Fields(one_line(first), one_line(second), label)


def one_line(text: str) -> str:
    """Join lines and runs of white space by single spaces, and take off quotation marks around the whole."""
    text = " ".join(text.replace("\0", " ").split())
    marks = [at for at, char in enumerate(text) if char in _QUOTES]
    if len(marks) == 2 and marks == [0, len(text) - 1]:
        return text[1:-1].strip()
    # The prompt may have opened the quotation that ends here.
    if len(marks) % 2 == 1 and marks[-1] == len(text) - 1:
        return text[:-1].strip()
    return text


def _label_of(card: TaskCard, said: str) -> str:
    found = _key(said.strip().split("\n")[0])
    return next((label.name for label in card.labels.values() if _key(label.phrase) == found), "")


def _key(phrase: str) -> str:
    return phrase.strip(" .,;!*" + _QUOTES).casefold()
