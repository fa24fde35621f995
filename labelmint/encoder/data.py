"""Tokenized rows, batches and splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.model_selection import StratifiedKFold

from labelmint.core.arrays import Ints
from labelmint.core.records import Input, texts_of, without_surrogates

if TYPE_CHECKING:  # transformers takes a second to load, and splitting rows needs none of it
    from transformers import PreTrainedTokenizerBase

Split = tuple[Ints, Ints]


class HeldOut(NamedTuple):
    """Places of rows to train on, of rows held out meanwhile, and the labels that all rows then have."""

    train: Ints
    held_out: Ints
    labels: Ints  # shape (rows,)


def of_held_out(splits: Sequence[HeldOut], values: Any) -> Any:
    """Return the held-out rows' values, one split after the other, of the values of all rows."""
    return np.concatenate([values[split.held_out] for split in splits])


def truth_of(splits: Sequence[HeldOut]) -> Ints:
    """Return the held-out rows' labels, one split after the other."""
    return np.concatenate([split.labels[split.held_out] for split in splits])


def tokenize(
    rows: Sequence[Input], tokenizer: PreTrainedTokenizerBase, max_tokens: int, prefix: str = ""
) -> dict[str, list[list[int]]]:
    """Return the tokenizer's columns of texts or pairs, cut at `max_tokens`.

    Of a pair the longer text is cut first. `prefix` goes before the text, or the first text of a pair. There
    must be rows.
    """
    texts = [
        [without_surrogates(text) for text in column] for column in zip(*map(texts_of, rows), strict=True)
    ]
    texts[0] = [prefix + text for text in texts[0]]
    columns = dict(tokenizer(*texts, truncation=True, max_length=max_tokens))
    if len(texts) == 1:
        columns.pop("token_type_ids", None)
    return columns


def folds_of(labels: Ints, folds: int, seed: int) -> list[Split]:
    """Return (training, validation) indices of up to `folds` disjoint stratified folds.

    A label with fewer rows than there are folds is in as many of them as it has rows, and one row alone is
    always trained on: rare labels must neither keep the others from being validated nor be left out. Empty if
    fewer than two labels have two rows.
    """
    counts = Counter(labels.tolist())
    if len(counts) < 2:
        return []
    folds = min(folds, *[count for _, count in counts.most_common(2)])
    if folds < 2:
        return []
    common = np.array([counts[label] >= folds for label in labels.tolist()])
    places = np.flatnonzero(common)
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    fold_of = np.full(len(labels), -1)
    for fold, (_, validation) in enumerate(splitter.split(places, labels[places])):
        fold_of[places[validation]] = fold
    rare = [label for label in sorted(counts) if 1 < counts[label] < folds]
    in_turn = np.concatenate([np.flatnonzero(labels == label) for label in rare] or [places[:0]])
    fold_of[in_turn] = np.arange(len(in_turn)) % folds
    return [(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(folds)]
