"""Rows compared with each other, in three ways: by shingles, by words in their order, by meaning."""

from __future__ import annotations

import zlib
from collections.abc import Sequence, Set
from typing import Literal

from labelmint.core.records import Input, Labelled, texts_of
from labelmint.encoder.vectors import Vectors
from labelmint.rules.edits import edited_pairs
from labelmint.rules.similarity import Pair, cosine_pairs, shingle_pairs, words_of

Measure = Literal["shingles", "words", "meaning"]


def similar_pairs(
    measure: Measure,
    rows: Sequence[Input],
    others: Sequence[Input],
    threshold: float,
    given: Set[str],
    vectors: Vectors | None,
) -> list[Pair]:
    """Return (row, other, similarity) at the threshold or above.

    If `others` is `rows` itself, of a row and an earlier one, and not for being a part of it.

    Parameters
    ----------
    given : set of str
        From `first_texts`.
    vectors : Vectors or None
        None: nothing is compared by its meaning.
    """
    within = others is rows
    if measure == "meaning":
        # The encoder takes a pair as one text: two claims about one premise are always near each other.
        if vectors is None or threshold >= 1 or any("text_pair" in row for row in rows):
            return []
        return cosine_pairs(vectors.of(rows), vectors.of(others), threshold)
    left, right = comparable(rows, given), comparable(others, given)
    if measure == "words":
        return edited_pairs(left, right, threshold, earlier=within)
    return shingle_pairs(left, right, threshold, contained=not within)


def first_texts(train: Sequence[Labelled]) -> set[str]:
    """Return the first texts of the real pairs, case and punctuation aside: candidates begin with them."""
    return {" ".join(words_of(row["text"])) for row in train if "text_pair" in row}


def comparable(rows: Sequence[Input], given: Set[str]) -> list[str]:
    """Return what is compared of each row: its text, or both texts of a pair.

    Pairs that begin with the same given text (a real row's) have most words in common, so of those only the
    second texts are compared: their words carry a mark of the first text, and match under the same mark only.
    """
    texts = []
    for row in rows:
        first = " ".join(words_of(row["text"]))
        if "text_pair" in row and first in given:
            mark = zlib.crc32(first.encode("utf-8", "surrogatepass"))
            texts.append(" ".join(f"{word}_{mark}" for word in words_of(row["text_pair"])))
        else:
            texts.append(" ".join(texts_of(row)))
    return texts
