"""Texts in equal samples, and vectors without a model."""

import zlib
from collections.abc import Sequence

import numpy as np

from labelmint.core.arrays import Floats32
from labelmint.core.records import Labelled
from labelmint.describe.texts import Texts, words_of
from tests.builders import reviews


def bag_of_words(texts: Sequence[str]) -> Floats32:
    """Return each text's words, each thrown into one of 32 places, as a vector of length 1."""
    vectors = np.full((len(texts), 32), 1e-3, np.float32)
    for at, text in enumerate(texts):
        for word in words_of(text):
            vectors[at, zlib.crc32(word.encode()) % 32] += 1
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def sample(texts: Sequence[str]) -> Texts:
    return Texts(list(texts), [words_of(text) for text in texts], bag_of_words(texts))


def real_rows(each: int, first: int = 0) -> list[Labelled]:
    return reviews({"negative": each, "positive": each}, first)
