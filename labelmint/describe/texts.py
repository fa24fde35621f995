"""Length control: texts cut to the same number of words, and as many of them in every set.

Nearly all measures of diversity depend on how long texts are and how many there are (Shaib et al. 2024,
*Standardizing the Measurement of Text Diversity*), so sets are compared only after both are made equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import regex

from labelmint.core.arrays import Floats32, Ints
from labelmint.core.records import Input, texts_of
from labelmint.core.words import LETTER, UNIT, fold

# Here "don't" is one word, because the words are shown.
_WORD = regex.compile(rf"(?V1){UNIT}|[{LETTER}--\p{{M}}](?:{LETTER}|['’\p{{Cf}}](?={LETTER}))*")


@dataclass(frozen=True)
class Texts:
    """Texts of equal length, their words, and their vectors of length 1, shape (texts, width)."""

    texts: list[str]
    words: list[list[str]]
    vectors: Floats32

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, places: Ints) -> Texts:
        """Return some of the texts."""
        chosen = places.tolist()
        return Texts(
            [self.texts[at] for at in chosen], [self.words[at] for at in chosen], self.vectors[places]
        )


def words_of(text: str) -> list[str]:
    """Return a text's words, case and punctuation aside."""
    return [fold(match.group()) for match in _WORD.finditer(text)]


def cut(text: str, words: int) -> str | None:
    """Return the text up to the end of that many words, None if it has fewer.

    What follows is always cut, a full stop too: or texts that end there would be known by it.
    """
    ends = [match.end() for match, _ in zip(_WORD.finditer(text), range(words), strict=False)]
    return text[: ends[-1]] if len(ends) == words else None


def common_words(counts: Sequence[Sequence[int]]) -> int:
    """Return the number of words, at least one, that three quarters of the texts of every set have."""
    quarters = [np.percentile(words, 25, method="lower") for words in counts if words]
    return max(1, int(min(quarters, default=1)))


def written_part(
    real: Sequence[Input], synthetic: Sequence[Input]
) -> tuple[str, Callable[[Input], tuple[str, ...]]]:
    """Return the name of the column that is described, and what gives a row's texts.

    Of pairs, both texts are texts of their own; only the second one where all first ones are real rows', as
    they are with `generate.pairs: second`: copies would make the sets look alike.
    """
    if not any("text_pair" in row for row in synthetic):
        return "text", texts_of
    given = {row["text"] for row in real}
    if all(row["text"] in given for row in synthetic):
        return "text_pair", lambda row: texts_of(row)[1:]
    return "text, text_pair", texts_of


def draws(real: int, synthetic: int, size: int, times: int, seed: int) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Yield places of a real reference, of other real texts and of synthetic ones, `size` of each.

    Without real texts, the first two are empty; else there must be twice `size` of them.
    """
    for number in range(times):
        draw = np.random.default_rng([seed, number])
        ours, written = draw.permutation(real), draw.permutation(synthetic)
        yield ours[:size], ours[size : 2 * size], written[:size]
