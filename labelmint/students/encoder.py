"""Students on the catalogue's encoder: a linear head on its frozen vectors, or all of it fine-tuned."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from labelmint.core.records import Input, Labelled, texts_of
from labelmint.encoder.data import tokenize
from labelmint.encoder.linear import fit_head, head_probabilities
from labelmint.encoder.loading import LoadedEncoder, open_encoder, uses_bf16
from labelmint.encoder.vectors import Floats as Features
from labelmint.encoder.vectors import embed_by_source
from labelmint.llm.catalog import load_entry, model_file
from labelmint.students.base import (
    Classifier,
    Floats,
    Setting,
    Student,
    label_numbers,
    real_rows,
    row_weights,
)
from labelmint.students.encoder_classifier import EncoderClassifier
from labelmint.students.fine_tune import fine_tune, planned_epochs, steps_of
from labelmint.students.saving import whole_folder


class LinearHead(Student):
    """Fit logistic regression on the frozen encoder's vectors, taken from the cache where it has them.

    A saved one embeds what it is given, and uses no cache.
    """

    name = "linear_head"

    def __init__(self, setting: Setting) -> None:
        self.setting, self.config = setting, setting.params.train
        self.label_names: Sequence[str] = setting.card.label_names
        model_file(self.config.encoder, load_entry(self.config.encoder, ("encoder",), "train.encoder"))
        self._known: dict[tuple[str, ...], Features] = {}

    def prepare(self, rows: Sequence[Input]) -> None:
        """Embed the rows."""
        self.setting.on_planned(len(rows))
        vectors = embed_by_source(self.config, rows, self.setting.on_rows)
        self._known.update(zip(map(texts_of, rows), vectors, strict=True))

    def fit(self, rows: Sequence[Labelled], seed: int) -> None:
        """Fit the head; rows that were embedded before are not embedded again."""
        labels, weights = label_numbers(rows, self.label_names), row_weights(rows)
        count = len(self.label_names)
        self.head = fit_head(self._vectors(rows), labels, count, seed, weights, real_rows(rows))

    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels)."""
        if not inputs:
            return np.zeros((0, len(self.label_names)))
        return head_probabilities(self._vectors(inputs), *self.head)

    def summary(self) -> dict[str, Any]:
        """Return the precision of the vectors."""
        return {"precision": "bf16" if uses_bf16(self.config) else "fp32"}

    def save(self, folder: Path) -> None:
        """Write the encoder with the head."""
        encoder = open_encoder(self.config.encoder, len(self.label_names))
        encoder.base.set_head(*self.head)
        self._save(encoder, encoder.base, folder)

    @classmethod
    def load(cls, folder: Path, setting: Setting | None) -> Classifier:
        """Open the folder's classifier."""
        return EncoderClassifier.load(folder)

    def _vectors(self, rows: Sequence[Input]) -> Features:
        if not all(texts_of(row) in self._known for row in rows):
            self.prepare(rows)
        return np.stack([self._known[texts_of(row)] for row in rows])

    def _classifier(self, encoder: LoadedEncoder, model: Any) -> EncoderClassifier:
        names, config = self.label_names, self.config
        return EncoderClassifier(
            model, encoder.tokenizer, names, config.max_tokens, encoder.prefix, config.batch_rows
        )

    def _save(self, encoder: LoadedEncoder, model: Any, folder: Path) -> None:
        with whole_folder(folder) as temporary:
            self._classifier(encoder, model).save(temporary, self.name)


class FineTuned(LinearHead):
    """Train the whole encoder, from the linear head's solution on."""

    name = "fine_tune"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.encoder = open_encoder(self.config.encoder, len(self.label_names))
        self.trained_rows, self.train_seconds, self.epochs = 0, 0.0, 0

    def fit(self, rows: Sequence[Labelled], seed: int) -> None:
        """Fit the head, then train all of the encoder but its embeddings."""
        super().fit(rows, seed)
        self.model = copy.deepcopy(self.encoder.base)
        self.model.set_head(*self.head)
        self._train(rows, seed)

    def _train(self, rows: Sequence[Labelled], seed: int) -> None:
        """Train the model on, as it is."""
        config, encoder = self.config, self.encoder
        used = [row for row, weight in zip(rows, row_weights(rows), strict=True) if weight]
        self.epochs = planned_epochs(config, len(used))
        self.setting.on_planned(self.epochs * steps_of(config, len(used)) * config.batch_rows)
        labels = label_numbers(used, self.label_names)
        tokenized = tokenize(used, labels, encoder.tokenizer, config.max_tokens, encoder.prefix)
        tokenized = replace(tokenized, weights=row_weights(used))
        begin = time.perf_counter()
        watch = self._count_rows, self.setting.on_point
        fine_tune(self.model, tokenized, encoder.collator, config, seed, *watch)
        self.train_seconds += time.perf_counter() - begin
        self.model.eval()

    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels)."""
        self.setting.on_planned(len(inputs))
        return self._classifier(self.encoder, self.model).predict_proba(inputs, self.setting.on_rows)

    def summary(self) -> dict[str, Any]:
        """Return how it was trained, and how long that took."""
        return {
            "epochs": self.epochs,
            "device": str(self.encoder.device),
            **super().summary(),
            "seconds": round(self.train_seconds, 1),
            "rows_per_s": round(self.trained_rows / max(self.train_seconds, 1e-9), 1),
        }

    def save(self, folder: Path) -> None:
        """Write the trained encoder with its head."""
        self._save(self.encoder, self.model, folder)

    def _count_rows(self, rows: int) -> None:
        self.trained_rows += rows
        self.setting.on_rows(rows)
