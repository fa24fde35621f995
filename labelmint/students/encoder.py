"""Students on the catalogue's encoder: a linear head on its frozen features, or all of it fine-tuned.

`auto` chooses between the two on validation rows taken from its training rows, then trains on all of them.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from labelmint.core.records import Input, Labelled
from labelmint.encoder.classifier import Classifier, export
from labelmint.encoder.data import Rows, tokenize, validation_splits
from labelmint.encoder.linear import Floats as Features
from labelmint.encoder.linear import embed, fit_head
from labelmint.encoder.loading import open_encoder
from labelmint.students.base import Floats, Ints, Setting, Student, label_numbers
from labelmint.students.fine_tune import fine_tune, measure, planned_epochs, steps_of, uses_bf16
from labelmint.students.saving import whole_folder, write_student
from labelmint.students.sequence_classifier import SequenceClassifier

MAX_VALIDATION_ROWS = 400

Scores = dict[str, float]  # accuracy and log_loss


@dataclass(frozen=True)
class Choice:
    """The recipe to use, for how many epochs, and its validation scores (mean over the splits)."""

    recipe: str
    epochs: int
    validation_rows: int = 0
    scores: dict[str, Scores] = field(default_factory=dict)


class EncoderStudent(Student):
    """Train by the recipe that is better on validation rows; the simpler one wins a tie."""

    name = "auto"
    recipes: tuple[str, ...] = ("linear_head", "fine_tune")

    def __init__(self, setting: Setting) -> None:
        self.setting, self.config = setting, setting.params.train
        self.label_names: Sequence[str] = setting.card.label_names
        self.encoder = open_encoder(self.config.encoder, len(self.label_names))
        self.trained_rows, self.train_seconds = 0, 0.0
        self._fitted_rows: list[Labelled] | None = None

    def fit(self, rows: Sequence[Labelled], seed: int) -> None:
        """Train on all rows; the features and the choice, made with the first of train.seeds, are kept."""
        if list(rows) != self._fitted_rows:
            self.labels = label_numbers(rows, self.label_names)
            self.rows = tokenize(rows, self.labels, self.encoder.tokenizer, self.config.max_tokens)
            self.features = self._embed(self.rows)
            self.choice = self._choose()
            self._fitted_rows = list(rows)
        model, _ = self._train(self.choice.recipe, np.arange(len(rows)), seed, epochs=self.choice.epochs)
        plain = export(model.cpu(), self.label_names)
        config = self.config
        self.classifier = SequenceClassifier(
            plain, self.encoder.tokenizer, config.max_tokens, config.batch_rows
        )

    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels)."""
        self.setting.on_planned(len(inputs))
        return self.classifier.predict_proba(inputs, self.setting.on_rows)

    def summary(self) -> dict[str, Any]:
        """Return the recipe, its validation, and the time that fine-tuning took."""
        choice = self.choice
        return {
            "recipe": choice.recipe,
            "epochs": choice.epochs if choice.recipe == "fine_tune" else 0,
            "validation_rows": choice.validation_rows,
            "validation": choice.scores,
            "device": str(self.encoder.device),
            "precision": "bf16" if uses_bf16(self.config) else "fp32",
            "seconds": round(self.train_seconds, 1),
            "rows_per_s": round(self.trained_rows / max(self.train_seconds, 1e-9), 1),
        }

    def save(self, folder: Path) -> None:
        """Write a folder that transformers opens by itself, too."""
        with whole_folder(folder) as temporary:
            self.classifier.save(temporary)
            write_student(temporary, self.name, self.label_names)

    @classmethod
    def load(cls, folder: Path, setting: Setting | None) -> SequenceClassifier:
        """Open the folder's transformers classifier."""
        return SequenceClassifier.load(folder)

    def _embed(self, rows: Rows) -> Features:
        encoder, setting = self.encoder, self.setting
        setting.on_planned(len(rows))
        return embed(encoder.base, rows, encoder.collator, self.config.batch_rows, setting.on_rows)

    def _choose(self) -> Choice:
        """Validate the recipes and how long to fine-tune."""
        config, recipes = self.config, self.recipes
        epochs = planned_epochs(config, len(self.labels))
        if recipes == ("linear_head",):
            return Choice("linear_head", epochs)
        splits = validation_splits(self.labels, config.validation_share, MAX_VALIDATION_ROWS, config.seeds[0])
        if not splits:  # fewer than two labels with two rows
            return Choice(recipes[0], epochs)
        scores: dict[str, Scores] = {}
        if "linear_head" in recipes:
            scores["linear_head"] = _mean([self._validate_head(*split) for split in splits])
        validation_rows = sum(len(validation) for _, validation in splits)
        by_epoch = [self._validate_fine_tune(*split) for split in splits]
        # Splits may differ by a row, hence by an epoch of a schedule counted in steps.
        means = [_mean(list(entry)) for entry in zip(*by_epoch, strict=False)]
        last = last_good_epoch([mean["accuracy"] for mean in means], validation_rows)
        scores["fine_tune"] = means[last]
        # max() keeps the first of equals: linear_head.
        recipe = max(scores, key=lambda name: scores[name]["accuracy"])
        return Choice(recipe, min(last + 1, epochs), validation_rows, scores)

    def _validate_head(self, train: Ints, validation: Ints) -> Scores:
        weight, bias = self._head(train, self.config.seeds[0])
        return measure(self.features[validation] @ weight.T + bias, self.labels[validation])

    def _validate_fine_tune(self, train: Ints, validation: Ints) -> list[Scores]:
        held_out = self.rows.take(validation)
        return self._train("fine_tune", train, self.config.seeds[0], validation=held_out)[1]

    def _train(
        self,
        recipe: str,
        places: Ints,
        seed: int,
        *,
        validation: Rows | None = None,
        epochs: int | None = None,
    ) -> tuple[Classifier, list[Scores]]:
        """Return a model trained on some of the rows, and its validation scores after each epoch."""
        config = self.config
        model = copy.deepcopy(self.encoder.base)
        model.set_head(*self._head(places, seed))
        if recipe == "linear_head":
            return model, []
        epochs = epochs or planned_epochs(config, len(places))
        self.setting.on_planned(epochs * steps_of(config, len(places)) * config.batch_rows)
        begin = time.perf_counter()
        history = fine_tune(
            model,
            self.rows.take(places),
            self.encoder.collator,
            config,
            seed,
            validation=validation,
            epochs=epochs,
            on_rows=self._count_rows,
        )
        self.train_seconds += time.perf_counter() - begin
        return model, history

    def _head(self, places: Ints, seed: int) -> tuple[Features, Features]:
        return fit_head(self.features[places], self.labels[places], len(self.label_names), seed)

    def _count_rows(self, rows: int) -> None:
        self.trained_rows += rows
        self.setting.on_rows(rows)


class LinearHead(EncoderStudent):
    """Fit logistic regression on the frozen encoder's vectors; nothing is chosen, so nothing is validated."""

    name = "linear_head"
    recipes = ("linear_head",)


class FineTuned(EncoderStudent):
    """Fine-tune the encoder, as many epochs as validation prefers."""

    name = "fine_tune"
    recipes = ("fine_tune",)


def last_good_epoch(accuracies: Sequence[float], rows: int) -> int:
    """Return the last epoch (from 0) within two standard errors of the best.

    Like Breiman et al.'s rule (1984), but for the longest schedule and not the simplest tree: before the
    last epoch the learning rate has not yet fallen, and on 1,000 pool rows 1,000 real rows score 0.758,
    0.776 and 0.786 after epochs 1 to 3. With one standard error, noise on 200 validation rows stopped that
    arm after epoch 1, and a weak point of the real curve flatters the synthetic rows.
    """
    best = max(accuracies)
    error = math.sqrt(best * (1 - best) / rows)
    return max(epoch for epoch, accuracy in enumerate(accuracies) if accuracy >= best - 2 * error)


def _mean(entries: list[Scores]) -> Scores:
    return {name: round(float(np.mean([entry[name] for entry in entries])), 4) for name in entries[0]}
