"""Rows compared with each other, in three ways: by shingles, by words in their order, by meaning."""

from __future__ import annotations

import zlib
from collections.abc import Sequence, Set
from dataclasses import dataclass

from labelmint.core.records import Input, Labelled, texts_of
from labelmint.encoder.vectors import Vectors
from labelmint.rules.edits import edited_pairs
from labelmint.rules.similarity import Pair, cosine_pairs, shingle_pairs, words_of


@dataclass(frozen=True)
class Comparison:
    """Compares candidates with each other, or with other rows.

    Attributes
    ----------
    given : set of str
        From `first_texts`.
    vectors : Vectors or None
        None: nothing is compared by its meaning.
    """

    given: Set[str]
    vectors: Vectors | None

    def near_duplicates(self, measure: str, rows: Sequence[Input], threshold: float) -> list[Pair]:
        """Return (row, earlier row, similarity) at the threshold or above."""
        if measure == "meaning":
            return self._by_meaning(rows, rows, threshold)
        texts = comparable(rows, self.given)
        if measure == "words":
            return edited_pairs(texts, texts, threshold, earlier=True)
        return shingle_pairs(texts, texts, threshold, contained=False)

    def copies(
        self, measure: str, rows: Sequence[Input], originals: Sequence[Input], threshold: float
    ) -> list[Pair]:
        """Return (row, original, similarity) at the threshold or above."""
        if measure == "meaning":
            return self._by_meaning(rows, originals, threshold)
        left, right = comparable(rows, self.given), comparable(originals, self.given)
        if measure == "words":
            return edited_pairs(left, right, threshold)
        return shingle_pairs(left, right, threshold, contained=True)

    def _by_meaning(self, rows: Sequence[Input], others: Sequence[Input], threshold: float) -> list[Pair]:
        # The encoder takes a pair as one text: two claims about one premise are always near each other.
        if self.vectors is None or threshold >= 1 or any("text_pair" in row for row in rows):
            return []
        return cosine_pairs(self.vectors.of(rows), self.vectors.of(others), threshold)


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
