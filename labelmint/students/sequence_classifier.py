"""Classifiers that run on PyTorch, and among them any in the plain format of transformers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import softmax
from transformers import AutoModelForSequenceClassification

from labelmint.core.arrays import Floats
from labelmint.core.errors import ModelError
from labelmint.core.records import Input
from labelmint.encoder.classifier import (
    TRUST_NOTHING,
    check_weights,
    damage_explained,
    load_tokenizer,
    most_tokens,
    silence_transformers,
)
from labelmint.encoder.data import tokenize
from labelmint.encoder.running import find_device, run, uses_bf16
from labelmint.students.base import Classifier

_UNLIMITED = 1_000_000  # a tokenizer that wasn't told says 1e30, and then refuses such a number


class TorchClassifier(Classifier):
    """A model whose output has logits, and its tokenizer; on the GPU if there is one.

    Texts are cut at `max_tokens`; `prefix` goes before each. `precision` is that of params.yaml.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        label_names: Sequence[str],
        max_tokens: int,
        prefix: str = "",
        precision: str = "fp32",
    ) -> None:
        self.device = find_device()
        self.model, self.tokenizer = model.to(self.device).eval(), tokenizer
        self.label_names = list(label_names)
        self.max_tokens, self.prefix, self.precision = max_tokens, prefix, precision

    def predict_proba(
        self, inputs: Sequence[Input], on_rows: Callable[[int], object] = lambda _: None
    ) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels), in the order of `label_names`."""
        if not inputs:
            return np.zeros((0, len(self.label_names)))
        columns = tokenize(inputs, self.tokenizer, self.max_tokens, self.prefix)
        bf16 = uses_bf16(self.precision)
        logits = run(self._logits, columns, self.tokenizer, self.device, bf16, on_rows)
        probabilities: Floats = softmax(logits.astype(float), axis=1)
        return probabilities

    def _logits(self, **batch: Any) -> Any:
        return self.model(**batch)["logits"]


class SequenceClassifier(TorchClassifier):
    """A transformers model with one label of several for each text."""

    def __init__(self, model: Any, tokenizer: Any, max_tokens: int) -> None:
        names = [str(model.config.id2label[number]) for number in range(model.config.num_labels)]
        super().__init__(model, tokenizer, names, max_tokens)

    @classmethod
    def load(cls, folder: Path) -> SequenceClassifier:
        """Open a folder; raise `ModelError` if it holds no such classifier."""
        silence_transformers()
        check_weights(folder)
        model: Any
        with damage_explained(f"{folder}: can't be opened as a classifier"):
            model = AutoModelForSequenceClassification.from_pretrained(
                folder, dtype=torch.float32, use_safetensors=True, **TRUST_NOTHING
            )
            tokenizer = load_tokenizer(folder)
        config = model.config
        if config.problem_type not in (None, "single_label_classification") or config.num_labels < 2:
            raise ModelError(f"{folder}: not a classifier that gives each text one label of several")
        return cls(model, tokenizer, _max_tokens(model, tokenizer))


def _max_tokens(model: Any, tokenizer: Any) -> int:
    """Return where to cut texts: where training did, or else at the most that the model can read."""
    positions = getattr(model.config, "max_position_embeddings", -1)  # -1, too, where there is no limit
    limits = [_UNLIMITED, tokenizer.model_max_length, most_tokens(model), positions]
    return int(min(limit for limit in limits if limit is not None and limit > 0))
