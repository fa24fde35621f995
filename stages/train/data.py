"""Tokenized rows, batches and splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import datasets
import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedKFold
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase

Labels = npt.NDArray[np.int64]

# Fewer validation rows say little: small arms are validated by cross-validation until this many are read.
_MIN_VALIDATION_ROWS = 100


@dataclass(frozen=True)
class Rows:
    """Tokenized texts, with their labels' numbers where they have any."""

    tokens: list[list[int]]
    labels: Labels | None

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> Rows:
        """Return some of the rows."""
        labels = None if self.labels is None else self.labels[np.asarray(indices, np.int64)]
        return Rows([self.tokens[i] for i in indices], labels)

    def dataset(self) -> datasets.Dataset:
        """Return the rows as the `Trainer` takes them; `length` is for bucketing."""
        columns = {
            "input_ids": self.tokens,
            "attention_mask": [[1] * len(row) for row in self.tokens],
            "length": [len(row) for row in self.tokens],
        }
        if self.labels is not None:
            columns["labels"] = self.labels.tolist()
        return datasets.Dataset.from_dict(columns)


def tokenize(
    texts: Sequence[str], labels: Labels | None, tokenizer: PreTrainedTokenizerBase, max_tokens: int
) -> Rows:
    """Tokenize, cutting texts at `max_tokens`."""
    encoded = tokenizer(list(texts), truncation=True, max_length=max_tokens) if texts else {"input_ids": []}
    return Rows([list(row) for row in encoded["input_ids"]], labels)


def length_batches(rows: Rows, size: int) -> Iterator[list[int]]:
    """Yield indices in batches of rows of similar length, so that little is padding."""
    order = sorted(range(len(rows)), key=lambda i: len(rows.tokens[i]))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def collate(tokenizer: PreTrainedTokenizerBase) -> DataCollatorWithPadding:
    """Return what pads a batch to its longest row."""
    return DataCollatorWithPadding(tokenizer)


def validation_splits(
    labels: Labels, share: float, max_rows: int, seed: int
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Return (training, validation) indices: one split, or several disjoint ones where rows are few.

    Empty if a label has a single row: then nothing can be validated.
    """
    rarest = min(Counter(labels.tolist()).values())
    folds = min(round(1 / share), rarest)
    if folds < 2:
        return []
    size = min(len(labels) // folds, max_rows)
    wanted = min(folds, max(1, -(-min(_MIN_VALIDATION_ROWS, len(labels)) // size)))
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    splits = []
    for train, validation in splitter.split(np.zeros(len(labels)), labels):
        if len(validation) > max_rows:
            # A fold keeps the rows' order, in which labels, or real and synthetic rows, stand in blocks.
            validation = np.random.default_rng(seed).permutation(validation)
        spare = validation[max_rows:]
        splits.append((np.sort(np.concatenate([train, spare])), validation[:max_rows]))
    return splits[:wanted]
