"""Rows compared with each other: by shingles, by words in their order, by a run of words, by meaning."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence, Set
from typing import Literal

import numpy as np

from labelmint.core.arrays import Bools
from labelmint.core.records import Input, Labelled
from labelmint.core.words import words_of
from labelmint.encoder.vectors import Vectors
from labelmint.rules.edits import edited_pairs
from labelmint.rules.runs import copied_runs
from labelmint.rules.similarity import Pair, Words, cosine_pairs, shingle_pairs

Measure = Literal["shingles", "words", "run", "meaning"]


def similar_pairs(
    measure: Measure,
    rows: Sequence[Input],
    others: Sequence[Input],
    threshold: float,
    given: Set[str],
    vectors: Vectors | None,
    dropped: Bools | None = None,
) -> Iterator[Pair]:
    """Yield (row, other, similarity) at the threshold or above, in their order.

    If `others` is `rows` itself, only of a row and an earlier one, and not for being a part of it. `given` is
    from `first_texts`; without `vectors`, nothing is compared by its meaning. `dropped`, shape (rows,), marks
    rows that no later one is compared with, as the caller goes on.
    """
    within = others is rows
    if within and dropped is None:
        dropped = np.zeros(len(rows), np.bool_)
    if measure == "meaning":
        # The encoder takes a pair as one text: two claims about one premise are always near each other.
        if vectors is None or threshold >= 1 or any("text_pair" in row for row in rows):
            return iter(())
        left = vectors.of(rows)
        return cosine_pairs(left, left if within else vectors.of(others), threshold, dropped)
    texts = comparable(rows, given)
    other_texts = texts if within else comparable(others, given)
    if measure == "run":
        return copied_runs(texts, other_texts)
    if measure == "words":
        return edited_pairs(texts, other_texts, threshold, dropped)
    return shingle_pairs(texts, other_texts, threshold, dropped)


def first_texts(train: Sequence[Labelled]) -> set[str]:
    """Return the words of the real pairs' first texts, which candidates begin with."""
    return {" ".join(words_of(row["text"])) for row in train if "text_pair" in row}


def comparable(rows: Sequence[Input], given: Set[str]) -> list[Words]:
    """Return the words that are compared of each row: its text's, or those of both texts of a pair.

    Pairs that begin with the same given text (a real row's) have most words in common, so of those only the
    second texts are compared: their words carry a mark of the first text, and match under the same mark only.
    """
    compared: list[Words] = []
    for row in rows:
        words = words_of(row["text"])
        first = " ".join(words)
        if "text_pair" in row and first in given:
            mark = zlib.crc32(first.encode("utf-8", "surrogatepass"))
            words = [f"{word}_{mark}" for word in words_of(row["text_pair"])]
        elif "text_pair" in row:
            words += words_of(row["text_pair"])
        compared.append(words)
    return compared
