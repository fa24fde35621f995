"""Clean texts, cut long ones, and leave out those that are empty, doubled or contradicting."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from labelmint.core.records import Input, texts_of
from labelmint.core.words import fold, spans

if TYPE_CHECKING:  # predict reads texts, and `labelmint --help` needs no pydantic
    from labelmint.tasks.cards import Excerpt

Key = tuple[str, ...]
Row = TypeVar("Row")
AnyInput = TypeVar("AnyInput", bound=Input)

_LINE_BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
_SENTENCE_END = re.compile(r"""[.!?…。！？｡।؟۔။។]["'”’)\]」』）】》〉]*$""")
_ABBREVIATION = re.compile(r"""^["'“‘(]*(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|vs|No|\w\.\w)\.$""")


@dataclass(frozen=True)
class UsableRows(Generic[Row]):
    """The usable rows of a file or data set, and how many were left out by reason."""

    rows: list[Row]
    left_out: dict[str, int]


def clean(text: str) -> str:
    """Join a text's lines and runs of white space by single spaces; drop NULs and HTML's line breaks."""
    return " ".join(_LINE_BREAK_TAG.sub(" ", text.replace("\0", " ")).split())


def cut(text: str, excerpt: Excerpt | None) -> str:
    """Return at most `words` words of a clean text, in whole sentences where that costs a third or less."""
    if excerpt is None or len(places := spans(text)) <= excerpt.words:
        return text
    third = excerpt.words // 3
    # The first word that is left out or, from the end, kept.
    at = excerpt.words if excerpt.side == "start" else len(places) - excerpt.words
    near = range(at, at - third - 1, -1) if excerpt.side == "start" else range(at, at + third + 1)
    at = next((place for place in near if _ends_sentence(text[slice(*places[place - 1])])), at)
    return text[: places[at - 1][1]] if excerpt.side == "start" else text[places[at][0] :]


def _ends_sentence(word: str) -> bool:
    return bool(_SENTENCE_END.search(word)) and not _ABBREVIATION.search(word)


def input_row(row_id: str, texts: Sequence[str], excerpt: Excerpt | None) -> Input:
    """Return a row of one text, or of a pair, cleaned and cut."""
    first, *second = (cut(clean(text), excerpt) for text in texts)
    row = Input(id=row_id, text=first)
    if second:
        row["text_pair"] = second[0]
    return row


def key_of(row: Input) -> Key:
    """Return what makes two rows the same: their texts, case and Unicode form aside."""
    return tuple(map(fold, texts_of(row)))


def deduplicate(
    rows: Sequence[AnyInput], in_test: Collection[Key] = frozenset()
) -> tuple[list[AnyInput], dict[str, int]]:
    """Keep the first row of each text (see `key_of`); drop all rows of a text with contradicting labels.

    Rows with a key of `in_test`, a separate test set, are dropped too. Return the kept rows, and how
    many were left out and why.
    """
    labels: dict[Key, set[object]] = {}
    for row in rows:
        labels.setdefault(key_of(row), set()).add(row.get("label"))
    left_out = {"empty": 0, "duplicate": 0, "contradicting_labels": 0, "in_test": 0}
    kept, seen = [], set()
    for row in rows:
        key = key_of(row)
        if not all(key):
            left_out["empty"] += 1
        elif key in in_test:
            left_out["in_test"] += 1
        elif len(labels[key]) > 1:
            left_out["contradicting_labels"] += 1
        elif key in seen:
            left_out["duplicate"] += 1
        else:
            seen.add(key)
            kept.append(row)
    return kept, left_out
