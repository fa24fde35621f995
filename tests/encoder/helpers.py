"""Settings of training that tests can rely on, and tokenized reviews."""

from __future__ import annotations

from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from labelmint.core.arrays import Ints
from labelmint.core.params import Train
from labelmint.encoder.data import tokenize
from tests.builders import reviews, section

LABELS = ["negative", "positive", "neutral"]


def config(**changes: Any) -> Train:
    """Return a `train` section for a few quick steps in float32."""
    settings: dict[str, Any] = {
        "student": "auto",
        "seeds": [1, 2],
        "epochs": 2,
        "learning_rate": 5e-3,
        "batch_rows": 16,
        "max_tokens": 32,
        "precision": "fp32",
    }
    return section("train", **{**settings, **changes})


def tokenized_reviews(
    tokenizer: PreTrainedTokenizerBase, each: int, labels: int = 2
) -> tuple[dict[str, list[list[int]]], Ints]:
    """Return tokenized reviews of four words, the labels in turn, and the labels' numbers."""
    rows = reviews(dict.fromkeys(LABELS[:labels], each), words=4)
    return tokenize(rows, tokenizer, 32), np.array([LABELS.index(row["label"]) for row in rows], np.int64)
