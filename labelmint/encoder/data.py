"""Tokenized rows, batches and splits."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.model_selection import StratifiedKFold

from labelmint.core.arrays import Floats, Ints
from labelmint.core.records import Input, texts_of, without_surrogates

if TYPE_CHECKING:  # transformers takes a second to load, and splitting rows needs none of it
    from transformers import PreTrainedTokenizerBase

Split = tuple[Ints, Ints]

# Fewer validation rows tell little: small arms are cross-validated until this many rows are validated on.
_MIN_VALIDATION_ROWS = 100


@dataclass(frozen=True)
class Rows:
    """Tokenized texts, with their labels' numbers where they have any.

    `types` has the token types of pairs, 0 for the first text and 1 for the second; None for single texts and
    where the tokenizer gives none. `weights` are how much the rows count in training; None: all the same.
    """

    tokens: list[list[int]]
    labels: Ints | None
    types: list[list[int]] | None = None
    weights: Floats | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def features(self, indices: Sequence[int]) -> list[dict[str, list[int]]]:
        """Return what a collator pads to a batch."""
        if self.types is None:
            return [{"input_ids": self.tokens[i]} for i in indices]
        return [{"input_ids": self.tokens[i], "token_type_ids": self.types[i]} for i in indices]


def tokenize(
    rows: Sequence[Input],
    labels: Ints | None,
    tokenizer: PreTrainedTokenizerBase,
    max_tokens: int,
    prefix: str = "",
) -> Rows:
    """Tokenize texts, or pairs, cut at `max_tokens`; of a pair the longer text is cut first.

    `prefix` goes before the text, or the first text of a pair.
    """
    if not rows:
        return Rows([], labels)
    texts = [
        [without_surrogates(text) for text in column] for column in zip(*map(texts_of, rows), strict=True)
    ]
    texts[0] = [prefix + text for text in texts[0]]
    encoded = tokenizer(*texts, truncation=True, max_length=max_tokens)
    types = encoded.get("token_type_ids") if len(texts) == 2 else None
    return Rows([list(row) for row in encoded["input_ids"]], labels, types and [list(row) for row in types])


def length_batches(rows: Rows, size: int) -> Iterator[list[int]]:
    """Yield indices in batches of rows of similar length, so that little is padding."""
    order = sorted(range(len(rows)), key=lambda i: len(rows.tokens[i]))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def folds_of(labels: Ints, folds: int, seed: int) -> list[Split]:
    """Return (training, validation) indices of up to `folds` disjoint stratified folds.

    Rows of labels too rare to have one in every fold are always trained on: a label with one row among
    thousands must not keep the others from being validated. Empty if fewer than two labels have two rows.
    """
    counts = Counter(labels.tolist())
    if len(counts) < 2:
        return []
    folds = min(folds, *[count for _, count in counts.most_common(2)])
    if folds < 2:
        return []
    common = np.array([counts[label] >= folds for label in labels.tolist()])
    places, rare = np.flatnonzero(common), np.flatnonzero(~common)
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    return [
        (np.sort(np.concatenate([places[train], rare])), places[validation])
        for train, validation in splitter.split(places, labels[places])
    ]


def validation_splits(labels: Ints, share: float, max_rows: int, seed: int) -> list[Split]:
    """Return (training, validation) indices: one split, or several disjoint ones where rows are few.

    Empty if fewer than two labels have two rows: then nothing can be validated.
    """
    folds = folds_of(labels, round(1 / share), seed)
    if not folds:
        return []
    size = min(sum(len(validation) for _, validation in folds) // len(folds), max_rows)
    wanted = min(len(folds), max(1, -(-min(_MIN_VALIDATION_ROWS, len(labels)) // size)))
    splits = []
    for train, validation in folds:
        if len(validation) > max_rows:
            # A fold keeps the rows' order, in which labels, or real and synthetic rows, stand in blocks.
            validation = np.random.default_rng(seed).permutation(validation)
        spare = validation[max_rows:]
        splits.append((np.sort(np.concatenate([train, spare])), validation[:max_rows]))
    return splits[:wanted]


def count_splits(share: float, rows: int) -> int:
    """Return about how many splits `validation_splits` makes of so many rows."""
    return min(round(1 / share), math.ceil(_MIN_VALIDATION_ROWS / (share * rows)))
