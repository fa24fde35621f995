"""Rules on a candidate's text alone. Each returns evidence, or None if the row passes."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property

from labelmint.core.params import Filter
from labelmint.core.records import Candidate, Input, texts_of
from labelmint.core.words import count_words, is_unspaced, mentions, words_of
from labelmint.rules.filtering import Evidence
from labelmint.rules.language import language_of, other_language
from labelmint.tasks.cards import TaskCard

_BAD = ("Cc", "Cs")  # control characters, halves of characters
# Base models write web pages' tags.
_MARKUP = re.compile(r"</?[a-z][a-z0-9_]*(?:\s[^<>]*)?/?>", re.I)
# Letters of scripts that the real rows don't have: a few are a quoted name, more is another language.
MAX_FOREIGN_SHARE = 0.2
# A text may do without one of the two syllabaries.
_WRITTEN_WITH = {"HIRAGANA": "KANA", "KATAKANA": "KANA", "KATAKANA-HIRAGANA": "KANA", "IDEOGRAPHIC": "CJK"}


class FormContext:
    """What the form rules know beside the row: the settings, the task card, what is usual in real rows."""

    def __init__(self, config: Filter, card: TaskCard, train: Sequence[Input]) -> None:
        self.config = config
        self.echo, self.label_tag = _echo_pattern(card), _label_tag_pattern(card)
        self.answer = _answer_pattern(card)
        self.must_occur = card.facts.must_occur if card.facts else None
        self.real_texts = [text for row in train for text in texts_of(row)]
        # First texts of real pairs, to which candidates were written.
        self.given = {row["text"] for row in train if "text_pair" in row}
        # Of a pair, premises are longer than what follows from them: each place has its usual length.
        places = list(zip(*map(texts_of, train), strict=True)) or [()]
        self.longest = [config.max_words or usual_words(texts) for texts in places]

    @cached_property
    def scripts(self) -> Counter[str]:
        """The real rows' letters by script."""
        return scripts("".join(self.real_texts))

    @cached_property
    def language(self) -> str | None:
        """The real rows' language; None where they are of several, or too few."""
        return language_of(self.real_texts)

    @cached_property
    def has_markup(self) -> bool:
        """Whether real rows have tags of web pages."""
        return any(map(_MARKUP.search, self.real_texts))

    @cached_property
    def has_answers(self) -> bool:
        """Whether real rows give the answer away."""
        return any(map(self.answer.search, self.real_texts))

    def written(self, row: Input) -> list[tuple[int, str]]:
        """Return the row's texts with their places, without a pair's first one if it is a real row's."""
        texts = list(enumerate(texts_of(row)))
        return texts[1:] if len(texts) > 1 and row["text"] in self.given else texts


RowCheck = Callable[[Candidate, FormContext], Evidence | None]


def _of_each_text(check: Callable[[str, FormContext], Evidence | None]) -> RowCheck:
    """Make a check of a row of a check of a text: it returns the first evidence that a text gives."""

    def check_row(row: Candidate, context: FormContext) -> Evidence | None:
        results = (check(text, context) for _, text in context.written(row))
        return next(filter(None, results), None)

    return check_row


def no_label(row: Candidate, _: FormContext) -> Evidence | None:
    """Check that there is a label."""
    return None if row["label"] else {}


def empty(row: Candidate, _: FormContext) -> Evidence | None:
    """Check that the text, of a pair each text, has a letter or digit."""
    return None if all(any(map(str.isalnum, text)) for text in texts_of(row)) else {}


def cut_off(row: Candidate, _: FormContext) -> Evidence | None:
    """Check that the text ended."""
    return {"tokens": row["tokens"]} if row["finish_reason"] == "length" else None


@_of_each_text
def garbled(text: str, _: FormContext) -> Evidence | None:
    """Check the characters."""
    bad = [char for char in text if char == "\ufffd" or unicodedata.category(char) in _BAD]
    return {"characters": ascii("".join(bad))} if bad else None


@_of_each_text
def prompt_echo(text: str, context: FormContext) -> Evidence | None:
    """Check for pieces of the prompt."""
    return _match(context.echo, text)


@_of_each_text
def label_leak(text: str, context: FormContext) -> Evidence | None:
    """Check for a label that stands as a label."""
    return _match(context.label_tag, text)


@_of_each_text
def answer_leak(text: str, context: FormContext) -> Evidence | None:
    """Check for a label said of the text, unless real rows do so."""
    return None if context.has_answers else _match(context.answer, text)


@_of_each_text
def markup(text: str, context: FormContext) -> Evidence | None:
    """Check for tags of web pages, unless real rows have some."""
    return None if context.has_markup else _match(_MARKUP, text)


@_of_each_text
def too_short(text: str, context: FormContext) -> Evidence | None:
    """Check against the least number of words."""
    words = count_words(text)
    return {"words": words} if words < context.config.min_words else None


def too_long(row: Candidate, context: FormContext) -> Evidence | None:
    """Check against the greatest number of words, that of the text's place in a pair."""
    for place, text in context.written(row):
        words = count_words(text)
        if words > context.longest[min(place, len(context.longest) - 1)]:
            return {"words": words}
    return None


@_of_each_text
def foreign_script(text: str, context: FormContext) -> Evidence | None:
    """Check the letters' scripts; without real rows any script may be the task's."""
    if not context.scripts:
        return None
    counts = scripts(text)
    foreign = {script: count for script, count in counts.items() if script not in context.scripts}
    share = sum(foreign.values()) / max(1, sum(counts.values()))
    return {"scripts": foreign, "share": round(share, 3)} if share > MAX_FOREIGN_SHARE else None


@_of_each_text
def language(text: str, context: FormContext) -> Evidence | None:
    """Check the language."""
    return other_language(text, context.language) if context.language else None


@_of_each_text
def repetitive(text: str, _: FormContext) -> Evidence | None:
    """Check for three words, or six characters of a script without spaces, that come three times."""
    words = words_of(text)  # ". . . ." is no repetition
    order = 6 if is_unspaced(text) else 3
    most = Counter(zip(*(words[at:] for at in range(order)), strict=False)).most_common(1)
    if most and most[0][1] >= 3:
        return {"words": " ".join(most[0][0]), "times": most[0][1]}
    return None


def missing_slot(row: Candidate, context: FormContext) -> Evidence | None:
    """Check that a written text has the words of the value, in their order, whatever their case."""
    value = row["values"].get(context.must_occur or "")
    if value is None:
        return None
    written = [text for _, text in context.written(row)]
    return None if any(mentions(text, value) for text in written) else {"value": value}


def usual_words(real_texts: Sequence[str]) -> int:
    """Return twice the words of the longest of ten real texts (the ninth decile); without any, 80."""
    counts = sorted(map(count_words, real_texts))
    return max(10, 2 * counts[len(counts) * 9 // 10]) if counts else 80


def scripts(text: str) -> Counter[str]:
    """Count the letters by script ("LATIN", "CYRILLIC", "CJK" …)."""
    letters = filter(str.isalpha, unicodedata.normalize("NFKC", text))  # full-width ones are Latin too
    names = (unicodedata.name(letter, "UNKNOWN").split()[0] for letter in letters)
    return Counter(_WRITTEN_WITH.get(name, name) for name in names)


def _echo_pattern(card: TaskCard) -> re.Pattern[str]:
    """Match pieces of the prompt's frame inside a text: another header, or its first line."""
    headers = [f"{label.phrase} {card.text_name}" for label in card.labels.values()]
    names = [card.text_name, *([card.pair_name] if card.pair_name else [])]
    header = "|".join(re.escape(name) for name in [*headers, *names])
    return re.compile(
        rf"(?:^|\W)(?:{header})\s*[:：]|here are some {re.escape(card.description)}|<\|?im_(?:start|end)",
        re.I,
    )


def _label_tag_pattern(card: TaskCard) -> re.Pattern[str]:
    """Match a label that stands as a label; the bare word is fine ("a positive surprise", "sport")."""
    phrases = "|".join(re.escape(label.phrase) for label in card.labels.values())
    return re.compile(
        rf"\b{re.escape(card.question)}\s*[:：]|^\W*(?:{phrases})\s*[:：–—]"
        rf"|[(\[（【]\s*(?:{phrases})\s*[)\]）】]"
        rf"|\b(?:label(?:led|ed)?|rated|rating)\s*(?:as|is|[:：])?\s*(?:{phrases})\b",
        re.I,
    )


def _answer_pattern(card: TaskCard) -> re.Pattern[str]:
    """Match a label said of the text, which then answers the question: "a negative film review"."""
    phrases = "|".join(re.escape(label.phrase) for label in card.labels.values())
    # By its whole name alone: "a negative review of the studio's habits" is no answer.
    names = {card.text_name, card.question, "label", "rating"}
    text = "|".join(re.escape(name) for name in sorted(names))
    return re.compile(
        rf"\b(?:{phrases})\W+(?:{text})s?\b"
        rf"|\b(?:{text})s?\s+(?:is|was|are|were)\s+(?:\w+\s+){{0,2}}(?:{phrases})\b",
        re.I,
    )


def _match(pattern: re.Pattern[str], text: str) -> Evidence | None:
    match = pattern.search(text)
    return {"match": match[0].strip()} if match else None
