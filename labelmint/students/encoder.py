"""A student on the catalogue's encoder: a linear head on its frozen vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labelmint.core.arrays import Floats, Floats32
from labelmint.core.records import Input, Labelled, texts_of
from labelmint.encoder.linear import fit_head, head_probabilities
from labelmint.encoder.loading import LoadedEncoder, open_encoder
from labelmint.encoder.running import uses_bf16
from labelmint.encoder.vectors import embed_by_source
from labelmint.llm.catalog import load_entry
from labelmint.llm.catalog.files import model_file
from labelmint.students.base import Classifier, Setting, Student, label_numbers, row_weights
from labelmint.students.encoder_classifier import EncoderClassifier
from labelmint.students.held_out import head_splits
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
        self._known: dict[tuple[str, ...], Floats32] = {}

    def prepare(self, rows: Sequence[Input]) -> None:
        """Embed the rows."""
        self.setting.on_planned(len(rows))
        vectors = embed_by_source(self.config, rows, self.setting.on_rows)
        self._known.update(zip(map(texts_of, rows), vectors, strict=True))

    def fit(self, rows: Sequence[Labelled], seed: int, unclear: Sequence[Labelled] = ()) -> None:
        """Fit the head; rows that were embedded before are not embedded again."""
        labels, all_rows = label_numbers(rows, self.label_names), [*rows, *unclear]
        count, splits = len(self.label_names), head_splits(all_rows, self.label_names)
        self.head = fit_head(self._vectors(all_rows), labels, count, seed, row_weights(all_rows), splits)

    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels)."""
        if not inputs:
            return np.zeros((0, len(self.label_names)))
        return head_probabilities(self._vectors(inputs), *self.head)

    def summary(self) -> dict[str, Any]:
        """Return the precision of the vectors."""
        return {"precision": "bf16" if uses_bf16(self.config.precision) else "fp32"}

    def save(self, folder: Path) -> None:
        """Write the encoder with the head."""
        encoder = open_encoder(self.config.encoder, len(self.label_names))
        encoder.base.set_head(*self.head)
        self._save(encoder, encoder.base, folder)

    @classmethod
    def load(cls, folder: Path, setting: Setting | None) -> Classifier:
        """Open the folder's classifier."""
        return EncoderClassifier.load(folder)

    def _vectors(self, rows: Sequence[Input]) -> Floats32:
        if not all(texts_of(row) in self._known for row in rows):
            self.prepare(rows)
        return np.stack([self._known[texts_of(row)] for row in rows])

    def _classifier(self, encoder: LoadedEncoder, model: Any) -> EncoderClassifier:
        names, config = self.label_names, self.config
        return EncoderClassifier(
            model, encoder.tokenizer, names, config.max_tokens, encoder.prefix, config.precision
        )

    def _save(self, encoder: LoadedEncoder, model: Any, folder: Path) -> None:
        with whole_folder(folder) as temporary:
            self._classifier(encoder, model).save(temporary, self.name)
