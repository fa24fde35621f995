"""Train one arm: choose recipe and epochs on validation rows of its own, then train on all of its rows."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import DataCollatorWithPadding

from labelmint.core.params import Train
from labelmint.encoder.classifier import Classifier
from labelmint.encoder.data import Rows, length_batches, validation_splits
from labelmint.encoder.linear import Floats, embed, fit_head
from labelmint.students.fine_tune import OnRows, fine_tune, measure, planned_epochs


@dataclass(frozen=True)
class Choice:
    """The recipe to use, for how many epochs, and what validation said of each (mean over the splits)."""

    recipe: str
    epochs: int
    validation_rows: int
    scores: dict[str, dict[str, float]]


class ArmTrainer:
    """Trains classifiers on one arm's rows.

    Parameters
    ----------
    config : Train
        The `train` section of params.yaml.
    base : Classifier
        The pretrained encoder with an empty head; copied, never changed.
    rows : Rows
        The arm's rows, with labels.
    collator : DataCollatorWithPadding
        Pads batches.
    labels : int
        Number of labels.
    on_rows : callable
        Told of rows embedded, and trained on.
    """

    def __init__(
        self,
        config: Train,
        base: Classifier,
        rows: Rows,
        collator: DataCollatorWithPadding,
        labels: int,
        on_rows: OnRows = lambda _: None,
    ) -> None:
        assert rows.labels is not None
        self.config, self.base, self.rows, self.collator = config, base, rows, collator
        self.count, self.on_rows = labels, on_rows
        self.labels, self.shares = rows.labels, rows.shares
        self.features: Floats = embed(base, rows, collator, config.batch_rows, on_rows)
        self.trained_rows = 0
        self.train_seconds = 0.0

    def choose(self) -> Choice:
        """Validate the recipes; the simpler one wins a tie. The splits' seed is the first one."""
        config = self.config
        splits = validation_splits(
            self.labels, config.validation_share, config.max_validation_rows, config.seeds[0]
        )
        seen = sum(len(validation) for _, validation in splits)
        epochs = planned_epochs(config, len(self.rows))
        if not splits:  # fewer than two labels with two rows
            return Choice("linear_head" if config.recipe == "auto" else config.recipe, epochs, 0, {})
        scores: dict[str, dict[str, float]] = {}
        if config.recipe != "fine_tune":
            scores["linear_head"] = _mean([self._validate_head(*split) for split in splits])
        if config.recipe != "linear_head":
            by_epoch = [self._validate_fine_tune(*split) for split in splits]
            # Splits may differ by a row, hence by an epoch of a schedule counted in steps.
            means = [_mean(list(entry)) for entry in zip(*by_epoch, strict=False)]
            last = last_good_epoch([mean["accuracy"] for mean in means], seen)
            epochs = min(last + 1, epochs)
            scores["fine_tune"] = means[last]
        # max() keeps the first of equals: linear_head.
        recipe = max(scores.items(), key=lambda item: item[1]["accuracy"])[0]
        return Choice(recipe, epochs, seen, scores)

    def train(self, choice: Choice, seed: int) -> Classifier:
        """Train on all rows with the chosen recipe."""
        return self._fit(choice.recipe, np.arange(len(self.rows)), seed, epochs=choice.epochs)[0]

    def _validate_head(
        self, train: npt.NDArray[np.int64], validation: npt.NDArray[np.int64]
    ) -> dict[str, float]:
        weight, bias = self._head(train, self.config.seeds[0])
        return measure(self.features[validation] @ weight.T + bias, self.labels[validation])

    def _validate_fine_tune(
        self, train: npt.NDArray[np.int64], validation: npt.NDArray[np.int64]
    ) -> list[dict[str, float]]:
        # Scored by the likeliest label, as everything is.
        held_out = replace(self.rows.take(validation), shares=None)
        return self._fit("fine_tune", train, self.config.seeds[0], validation=held_out)[1]

    def _fit(
        self,
        recipe: str,
        indices: npt.NDArray[np.int64],
        seed: int,
        *,
        validation: Rows | None = None,
        epochs: int | None = None,
    ) -> tuple[Classifier, list[dict[str, float]]]:
        model = copy.deepcopy(self.base)
        model.set_head(*self._head(indices, seed))
        if recipe == "linear_head":
            return model, []
        begin = time.perf_counter()
        history = fine_tune(
            model,
            self.rows.take(indices),
            self.collator,
            self.config,
            seed,
            validation=validation,
            epochs=epochs,
            on_rows=self._count_rows,
        )
        self.train_seconds += time.perf_counter() - begin
        return model, history

    def _head(self, indices: npt.NDArray[np.int64], seed: int) -> tuple[Floats, Floats]:
        shares = None if self.shares is None else self.shares[indices]
        return fit_head(self.features[indices], self.labels[indices], self.count, seed, shares=shares)

    def _count_rows(self, rows: int) -> None:
        self.trained_rows += rows
        self.on_rows(rows)


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


def _mean(entries: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([entry[name] for entry in entries])), 4) for name in entries[0]}


@torch.no_grad()
def predict(
    model: Any, rows: Rows, collator: DataCollatorWithPadding, batch_rows: int, device: torch.device
) -> npt.NDArray[np.float64]:
    """Return probabilities, shape (rows, labels), of a transformers classifier."""
    model = model.to(device).eval()
    if not len(rows):
        return np.zeros((0, model.config.num_labels))
    parts, order = [], []
    for indices in length_batches(rows, batch_rows):
        batch: Any = collator(rows.features(indices))
        batch = {name: part.to(device) for name, part in batch.items()}
        parts.append(torch.softmax(model(**batch).logits.double(), dim=-1).cpu().numpy())
        order += indices
    out = np.concatenate(parts)
    result = np.empty_like(out)
    result[order] = out
    return result
