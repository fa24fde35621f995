"""Logistic regression on TF-IDF of words and pairs of words: the classic baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from labelmint.core.arrays import Floats
from labelmint.core.records import Input, Labelled, texts_of
from labelmint.core.words import tokens_of
from labelmint.encoder.linear import fit_head, head_probabilities
from labelmint.students.base import Setting, Student, label_numbers, row_weights
from labelmint.students.held_out import head_splits
from labelmint.students.saving import read_student, whole_folder, write_student

WEIGHTS = "weights.npz"


class TfidfStudent(Student):
    """Fit the words' weights, the C chosen by cross-validation."""

    name = "tfidf"

    def __init__(self, setting: Setting) -> None:
        self.label_names: Sequence[str] = setting.card.label_names

    def fit(self, rows: Sequence[Labelled], seed: int, unclear: Sequence[Labelled] = ()) -> None:
        """Count words and pairs of words, then fit the weights; the seed draws the folds."""
        labels, all_rows = label_numbers(rows, self.label_names), [*rows, *unclear]
        self.vectorizer = _vectorizer().fit(_texts(rows))
        features = self.vectorizer.transform(_texts(all_rows))
        count, splits = len(self.label_names), head_splits(all_rows, self.label_names)
        self.weight, self.bias = fit_head(features, labels, count, seed, row_weights(all_rows), splits)

    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels)."""
        if not inputs:
            return np.zeros((0, len(self.label_names)))
        return head_probabilities(self.vectorizer.transform(_texts(inputs)), self.weight, self.bias)

    def summary(self) -> dict[str, Any]:
        """Return the number of words and pairs of words."""
        return {"features": len(self.vectorizer.vocabulary_)}

    def save(self, folder: Path) -> None:
        """Write the vocabulary as JSON and the weights as plain arrays: loading runs no code of the file."""
        words = [str(word) for word in self.vectorizer.get_feature_names_out()]
        with whole_folder(folder) as temporary:
            write_student(temporary, self.name, self.label_names, vocabulary=words)
            np.savez(temporary / WEIGHTS, idf=self.vectorizer.idf_, weight=self.weight, bias=self.bias)

    @classmethod
    def load(cls, folder: Path, setting: Setting | None) -> Self:
        """Open a saved student."""
        content = read_student(folder)
        student = cls.__new__(cls)
        student.label_names = content["label_names"]
        student.vectorizer = _vectorizer(content["vocabulary"])
        with (folder / WEIGHTS).open("rb") as file:  # NumPy leaves a damaged file open
            arrays = np.load(file, allow_pickle=False)
            student.vectorizer.idf_ = arrays["idf"]
            student.weight, student.bias = arrays["weight"], arrays["bias"]
        return student


def _vectorizer(vocabulary: Sequence[str] | None = None) -> TfidfVectorizer:
    # Punctuation too: a text of nothing else has tokens, and "!" carries meaning.
    return TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, tokenizer=tokens_of, token_pattern=None, vocabulary=vocabulary
    )


def _texts(rows: Sequence[Input]) -> Iterator[str]:
    return ("\n".join(texts_of(row)) for row in rows)
