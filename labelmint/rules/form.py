"""Form rules: what a candidate's own text gives away. Each returns evidence, or None if it passes."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence, Set
from typing import Any

from labelmint.core.params import Filter
from labelmint.core.records import Candidate, Input, texts_of
from labelmint.rules.language import language_of, other_language
from labelmint.tasks.cards import TaskCard

Evidence = dict[str, Any]
TextRule = Callable[[str], Evidence | None]

_BAD = ("Cc", "Cs")  # control characters, halves of characters
# Base models write web pages' tags.
_MARKUP = re.compile(r"</?[a-z][a-z0-9_]*(?:\s[^<>]*)?/?>", re.I)
# Letters of scripts that the real rows don't have: a few are a quoted name, more is another language.
MAX_FOREIGN_SHARE = 0.2


def form_rules(
    config: Filter, card: TaskCard, train: Sequence[Input]
) -> list[tuple[str, Callable[[Candidate], Evidence | None]]]:
    """Return the form rules in the order in which they are applied.

    Of a pair, both texts are looked at, but for a first one that is a real row's.
    """
    real_texts = [text for row in train for text in texts_of(row)]
    given = {row["text"] for row in train if "text_pair" in row}
    rules = _text_rules(config, card, real_texts)
    # Of a pair, premises are longer than what follows from them: each place has its own usual length.
    places = list(zip(*map(texts_of, train), strict=True)) or [()]
    longest = [config.max_words or usual_words(texts) for texts in places]

    def no_label(row: Candidate) -> Evidence | None:
        return None if row["label"] else {}

    def empty(row: Candidate) -> Evidence | None:
        # Of a pair, each text must say something.
        said = all(any(map(str.isalnum, text)) for text in texts_of(row))
        return None if said else {}

    def cut_off(row: Candidate) -> Evidence | None:
        return {"tokens": row["tokens"]} if row["finish_reason"] == "length" else None

    def too_long(row: Candidate) -> Evidence | None:
        for place, text in written(row, given):
            words = len(text.split())
            if words > longest[min(place, len(longest) - 1)]:
                return {"words": words}
        return None

    def of_row(rule: TextRule) -> Callable[[Candidate], Evidence | None]:
        return lambda row: next((found for _, text in written(row, given) if (found := rule(text))), None)

    before = [(rule.__name__, rule) for rule in (no_label, empty, cut_off)]
    said = [(rule.__name__, of_row(rule)) for rule in rules]
    at = [name for name, _ in said].index("too_short") + 1
    return [*before, *said[:at], ("too_long", too_long), *said[at:]]


def written(row: Input, given: Set[str]) -> list[tuple[int, str]]:
    """Return the row's texts with their places, without a pair's first one if it was given."""
    texts = list(enumerate(texts_of(row)))
    return texts[1:] if len(texts) > 1 and row["text"] in given else texts


def _text_rules(config: Filter, card: TaskCard, real_texts: Sequence[str]) -> list[TextRule]:
    echo, label_tag, answer = _echo_pattern(card), _label_tag_pattern(card), _answer_pattern(card)
    known = scripts("".join(real_texts))
    markup_is_usual = any(map(_MARKUP.search, real_texts))
    answers_are_usual = any(map(answer.search, real_texts))
    usual = language_of(real_texts) if config.rules.language else None

    def garbled(text: str) -> Evidence | None:
        bad = [char for char in text if char == "\ufffd" or unicodedata.category(char) in _BAD]
        return {"characters": ascii("".join(bad))} if bad else None

    def prompt_echo(text: str) -> Evidence | None:
        return _found(echo, text)

    def label_leak(text: str) -> Evidence | None:
        return _found(label_tag, text)

    def answer_leak(text: str) -> Evidence | None:
        return None if answers_are_usual else _found(answer, text)

    def markup(text: str) -> Evidence | None:
        return None if markup_is_usual else _found(_MARKUP, text)

    def too_short(text: str) -> Evidence | None:
        words = len(text.split())
        return {"words": words} if words < config.min_words else None

    def foreign_script(text: str) -> Evidence | None:
        # Without real rows any script may be the task's.
        found = scripts(text) if known else Counter()
        foreign = {script: count for script, count in found.items() if script not in known}
        share = sum(foreign.values()) / max(1, sum(found.values()))
        return {"scripts": foreign, "share": round(share, 3)} if share > MAX_FOREIGN_SHARE else None

    def language(text: str) -> Evidence | None:
        return other_language(text, usual, config.language_probability) if usual else None

    def repetitive(text: str) -> Evidence | None:
        words = re.findall(r"\w+", text.casefold())  # ". . . ." is no repetition
        most = Counter(zip(words, words[1:], words[2:], strict=False)).most_common(1)
        if most and most[0][1] >= 3:
            return {"words": " ".join(most[0][0]), "times": most[0][1]}
        return None

    return [
        garbled,
        prompt_echo,
        label_leak,
        answer_leak,
        markup,
        too_short,
        foreign_script,
        language,
        repetitive,
    ]


def usual_words(real_texts: Sequence[str]) -> int:
    """Return twice the words of the longest of ten real texts (the ninth decile); without any, 80."""
    counts = sorted(len(text.split()) for text in real_texts)
    return max(10, 2 * counts[len(counts) * 9 // 10]) if counts else 80


def scripts(text: str) -> Counter[str]:
    """Count the letters by script ("LATIN", "CYRILLIC", "CJK" …)."""
    return Counter(unicodedata.name(char, "UNKNOWN").split()[0] for char in text if char.isalpha())


def _echo_pattern(card: TaskCard) -> re.Pattern[str]:
    """Match pieces of the prompt's frame inside a text: another header, or its first line."""
    headers = [f"{label.phrase} {card.text_name}" for label in card.labels.values()]
    names = [card.text_name, *([card.pair_name] if card.pair_name else [])]
    said = "|".join(re.escape(header) for header in [*headers, *names])
    return re.compile(
        rf"(?:^|\W)(?:{said})\s*:|here are some {re.escape(card.description)}|<\|?im_(?:start|end)", re.I
    )


def _label_tag_pattern(card: TaskCard) -> re.Pattern[str]:
    """Match a label said as a label; the bare word is fine ("a positive surprise", "sport")."""
    phrases = "|".join(re.escape(label.phrase) for label in card.labels.values())
    return re.compile(
        rf"\b{re.escape(card.question)}\s*:|^\W*(?:{phrases})\s*[:–—]|[(\[]\s*(?:{phrases})\s*[)\]]"
        rf"|\b(?:label(?:led|ed)?|rated|rating)\s*(?:as|is|:)?\s*(?:{phrases})\b",
        re.I,
    )


def _answer_pattern(card: TaskCard) -> re.Pattern[str]:
    """Match a label said of the text, which then answers the question: "a negative film review"."""
    phrases = "|".join(re.escape(label.phrase) for label in card.labels.values())
    # By its whole name alone: "a negative review of the studio's habits" is no answer.
    names = {card.text_name, card.question, "label", "rating"}
    said = "|".join(re.escape(name) for name in sorted(names))
    return re.compile(
        rf"\b(?:{phrases})\W+(?:{said})s?\b"
        rf"|\b(?:{said})s?\s+(?:is|was|are|were)\s+(?:\w+\s+){{0,2}}(?:{phrases})\b",
        re.I,
    )


def _found(pattern: re.Pattern[str], text: str) -> Evidence | None:
    match = pattern.search(text)
    return {"match": match[0].strip()} if match else None
