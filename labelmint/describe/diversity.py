"""How different are a set's texts from each other? In their words, and in the encoder's vectors.

All of these depend on the number of texts and on their length: compare sets that are equal in both.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from labelmint.core.arrays import Floats32
from labelmint.describe.texts import Texts

_MAX_ORDER = 4
# Five words in a row are a phrase that somebody repeats, three or four are often plain grammar.
_LONG_NGRAM = 5

Words = Sequence[Sequence[str]]
Ngram = tuple[str, ...]


def diversity(sample: Texts) -> dict[str, float]:
    """Return the measures of diversity by name; at least two texts are needed."""
    return {
        "self_bleu": self_bleu(sample.words),
        **{f"distinct_{order}": distinct(sample.words, order) for order in (1, 2, 3)},
        "vocabulary_size": float(len({word for words in sample.words for word in words})),
        "compression_ratio": compression_ratio(sample.texts),
        "repeated_5gram_share": repeated_share(sample.words),
        "remote_clique": remote_clique(sample.vectors),
        "chamfer_distance": chamfer_distance(sample.vectors),
        "vendi_score": vendi_score(sample.vectors),
    }


def ngrams(words: Sequence[str], order: int) -> Iterator[Ngram]:
    """Yield the sequences of `order` words in a text."""
    return zip(*(words[at:] for at in range(order)), strict=False)


def self_bleu(texts: Words) -> float:
    """Return the mean BLEU of each text against all others, from 0 to 1; lower is more diverse.

    Zhu et al. 2018 (Texygen). BLEU's own score, from sacrebleu, is taken of counts that leave one text out:
    of each n-gram the two highest counts are enough, so that 500 texts take a tenth of a second.
    """
    counts = [
        Counter(ngram for order in range(1, _MAX_ORDER + 1) for ngram in ngrams(words, order))
        for words in texts
    ]
    highest: dict[Ngram, tuple[int, int, int]] = {}  # the highest count, its text, the highest of the others
    for at, ngram_counts in enumerate(counts):
        for ngram, count in ngram_counts.items():
            first, holder, second = highest.get(ngram, (0, -1, 0))
            if count > first:
                highest[ngram] = (count, at, first)
            elif count > second:
                highest[ngram] = (first, holder, count)
    lengths = [len(words) for words in texts]
    by_length = Counter(lengths)
    scores = []
    for at, ngram_counts in enumerate(counts):
        correct, total = [0] * _MAX_ORDER, [0] * _MAX_ORDER
        for ngram, count in ngram_counts.items():
            first, holder, second = highest[ngram]
            correct[len(ngram) - 1] += min(count, second if holder == at else first)
            total[len(ngram) - 1] += count
        others = [length for length, texts in by_length.items() if texts > (length == lengths[at])]
        closest = min(others, key=lambda length: (abs(length - lengths[at]), length))
        bleu = BLEU.compute_bleu(correct, total, lengths[at], closest, "exp", effective_order=True)
        scores.append(bleu.score / 100)
    return float(np.mean(scores))


def distinct(texts: Words, order: int) -> float:
    """Return the share of different n-grams among all (Li et al. 2016); higher is more diverse."""
    counts = Counter(ngram for words in texts for ngram in ngrams(words, order))
    return len(counts) / max(1, counts.total())


def compression_ratio(texts: Sequence[str]) -> float:
    """Return how many times smaller the texts become by DEFLATE; lower is more diverse.

    Shaib et al. 2024 recommend it first: it goes with slow measures of repetition and takes no time.
    """
    joined = "\n".join(texts).encode("utf-8", "surrogatepass")
    return len(joined) / len(zlib.compress(joined, 9))


def _texts_with_phrase(texts: Words) -> Counter[Ngram]:
    return Counter(ngram for words in texts for ngram in set(ngrams(words, _LONG_NGRAM)))


def repeated_share(texts: Words) -> float:
    """Return the share of texts with five words in a row that another text has too; lower is better.

    Long n-grams after Salkar et al. 2022 (Self-Repetition in Abstractive Neural Summarizers).
    """
    holders = _texts_with_phrase(texts)
    repeated = sum(any(holders[ngram] > 1 for ngram in ngrams(words, _LONG_NGRAM)) for words in texts)
    return repeated / len(texts)


def most_repeated(texts: Words, number: int) -> list[tuple[str, int]]:
    """Return the five words in a row that most texts share, with how many texts; overlapping ones once."""
    holders = _texts_with_phrase(texts)
    phrases: list[tuple[str, int]] = []
    used: set[Ngram] = set()
    for ngram, count in sorted(holders.items(), key=lambda item: (-item[1], item[0])):
        if count < 2 or len(phrases) == number:
            break
        parts = set(ngrams(ngram, _LONG_NGRAM - 2))
        if not parts & used:
            phrases.append((" ".join(ngram), count))
        used |= parts
    return phrases


def remote_clique(vectors: Floats32) -> float:
    """Return the mean cosine distance of two texts (Cox et al. 2021); higher is more diverse."""
    total, count = vectors.astype(np.float64).sum(axis=0), len(vectors)
    squares = float((vectors.astype(np.float64) ** 2).sum())
    return max(0.0, 1 - (float(total @ total) - squares) / (count * (count - 1)))


def chamfer_distance(vectors: Floats32) -> float:
    """Return the mean cosine distance to the nearest other text (Cox et al. 2021); higher is more diverse."""
    similarity = (vectors @ vectors.T).astype(np.float64)
    np.fill_diagonal(similarity, -np.inf)
    return float(np.maximum(1 - similarity.max(axis=1), 0).mean())


def vendi_score(vectors: Floats32) -> float:
    """Return the effective number of different texts (Friedman & Dieng 2023), from 1 to their number.

    The exponential of the entropy of the similarity matrix's eigenvalues.
    """
    shares = np.linalg.svd(vectors.astype(np.float64), compute_uv=False) ** 2
    shares = shares[shares > 1e-12] / shares.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
