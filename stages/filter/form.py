"""Form rules: what a candidate's own text gives away. Each returns evidence, or None if it passes."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from stages.params import Filter
from stages.records import Candidate, Input, texts_of
from stages.tasks import TaskCard

Evidence = dict[str, Any]
FormRule = Callable[[Candidate], Evidence | None]

_BAD = ("Cc", "Cs")  # control characters, halves of characters
# Base models write web pages' tags.
_MARKUP = re.compile(r"</?[a-z][a-z0-9_]*(?:\s[^<>]*)?/?>", re.I)
# Letters of scripts that the real rows don't have: a few are a quoted name, more is another language.
MAX_FOREIGN_SHARE = 0.2


def written(row: Input) -> str:
    """Return the text that the model wrote: of a pair the second one, as the first may be a real row's."""
    return row.get("text_pair", row["text"])


def form_rules(config: Filter, card: TaskCard, real_texts: Sequence[str]) -> list[tuple[str, FormRule]]:
    """Return the form rules in the order in which they are applied."""
    echo = _echo_pattern(card)
    label_tag = _label_tag_pattern(card)
    known = scripts("".join(real_texts))
    max_words = config.max_words or usual_words(real_texts)
    markup_is_usual = any(map(_MARKUP.search, real_texts))

    def no_label(row: Candidate) -> Evidence | None:
        return None if row["label"] else {}

    def empty(row: Candidate) -> Evidence | None:
        # Of a pair, each text must say something.
        said = all(any(map(str.isalnum, text)) for text in texts_of(row))
        return None if said else {}

    def cut_off(row: Candidate) -> Evidence | None:
        return {"tokens": row["tokens"]} if row["finish_reason"] == "length" else None

    def garbled(row: Candidate) -> Evidence | None:
        bad = [char for char in written(row) if char == "\ufffd" or unicodedata.category(char) in _BAD]
        return {"characters": ascii("".join(bad))} if bad else None

    def prompt_echo(row: Candidate) -> Evidence | None:
        return _found(echo, written(row))

    def label_leak(row: Candidate) -> Evidence | None:
        return _found(label_tag, written(row))

    def markup(row: Candidate) -> Evidence | None:
        return None if markup_is_usual else _found(_MARKUP, written(row))

    def too_short(row: Candidate) -> Evidence | None:
        words = len(written(row).split())
        return {"words": words} if words < config.min_words else None

    def too_long(row: Candidate) -> Evidence | None:
        words = len(written(row).split())
        return {"words": words} if words > max_words else None

    def foreign_script(row: Candidate) -> Evidence | None:
        found = scripts(written(row))
        foreign = {script: count for script, count in found.items() if script not in known}
        share = sum(foreign.values()) / max(1, sum(found.values()))
        return {"scripts": foreign, "share": round(share, 3)} if share > MAX_FOREIGN_SHARE else None

    def repetitive(row: Candidate) -> Evidence | None:
        words = re.findall(r"\w+", written(row).casefold())  # ". . . ." is no repetition
        most = Counter(zip(words, words[1:], words[2:], strict=False)).most_common(1)
        if most and most[0][1] >= 3:
            return {"words": " ".join(most[0][0]), "times": most[0][1]}
        return None

    rules = (
        no_label, empty, cut_off, garbled, prompt_echo, label_leak, markup, too_short, too_long,
        foreign_script, repetitive,
    )  # fmt: skip
    return [(rule.__name__, rule) for rule in rules]


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


def _found(pattern: re.Pattern[str], text: str) -> Evidence | None:
    match = pattern.search(text)
    return {"match": match[0].strip()} if match else None
