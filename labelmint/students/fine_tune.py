"""Fine-tuning with Hugging Face's Trainer, from the linear head's solution on.

Starting from a fitted head and not a random one keeps the encoder's features intact in the first steps
("linear probing, then fine-tuning", Kumar et al. 2022). A fine-tuned encoder is too sure of itself, so its
logits are divided by a temperature, fitted on real rows that further trainings leave out.
"""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from transformers import (
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from labelmint.core.arrays import Floats, Ints
from labelmint.core.calibration import fit_temperature
from labelmint.core.params import Train
from labelmint.core.records import Input, Labelled
from labelmint.encoder.classifier import Classifier
from labelmint.encoder.data import HeldOut, of_held_out, tokenize, truth_of
from labelmint.encoder.loading import open_encoder
from labelmint.encoder.running import find_device, uses_bf16
from labelmint.students.base import Setting, label_numbers, row_weights
from labelmint.students.encoder import LinearHead
from labelmint.students.held_out import calibration_splits, training_rows
from labelmint.students.schedule import planned_epochs, steps_of

OnRows = Callable[[int], object]
OnPoint = Callable[[str, int, float], object]

_LEAST = 1e-30  # of a probability, for its logarithm


class _Watch(TrainerCallback):
    """Report rows as they are trained on, and the curves: each step's loss, each epoch's accuracy."""

    def __init__(self, on_rows: OnRows, on_point: OnPoint, batch_rows: int) -> None:
        self.on_rows, self.on_point, self.batch_rows = on_rows, on_point, batch_rows
        self.right: list[torch.Tensor] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.on_rows(self.batch_rows)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if "loss" in logs:  # the last log is a summary
            self.on_point("loss", state.global_step, logs["loss"])

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.on_point("accuracy", state.global_step, torch.cat(self.right).float().mean().item())
        self.right = []


class _Trainer(Trainer):
    """Give the watch what the model says of each batch, which costs nothing more."""

    watch: _Watch

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        loss, outputs = super().compute_loss(model, inputs, True, num_items_in_batch)
        self.watch.right.append(outputs["logits"].argmax(dim=1) == inputs["labels"])
        return (loss, outputs) if return_outputs else loss


def _arguments(config: Train, rows: int, seed: int, scratch: str) -> TrainingArguments:
    on_gpu = find_device().type == "cuda"
    arguments = TrainingArguments(
        output_dir=scratch,
        seed=seed,
        num_train_epochs=planned_epochs(config, rows),
        per_device_train_batch_size=config.batch_rows,
        learning_rate=config.learning_rate,
        warmup_steps=0.1,
        optim="adamw_torch_fused",
        bf16=uses_bf16(config.precision),
        use_cpu=not on_gpu,
        full_determinism=on_gpu,
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        dataloader_pin_memory=on_gpu,
        save_strategy="no",
        logging_strategy="steps",
        logging_steps=1,
        report_to=[],
        disable_tqdm=True,
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # on several GPUs, each would get a batch of `batch_rows`
    return arguments


def fine_tune(
    model: Classifier,
    columns: Mapping[str, list[list[int]]],
    labels: Ints,
    weights: Floats,
    tokenizer: PreTrainedTokenizerBase,
    config: Train,
    seed: int,
    on_rows: OnRows = lambda _: None,
    on_point: OnPoint = lambda *_: None,
) -> None:
    """Train the model in place, for `planned_epochs`, over which the learning rate falls to zero.

    `columns` are those of `tokenize`; `labels` and `weights` have shape (rows,). The curves are those of the
    rows that it learns from: `loss` of each step, `accuracy` of each epoch.
    """
    weights = weights / weights.mean()  # so that they leave the learning rate as it is
    dataset = datasets.Dataset.from_dict(
        {
            **columns,
            "length": [*map(len, columns["input_ids"])],  # for batches of similar length
            "labels": labels.tolist(),
            "weights": weights.tolist(),
        }
    )
    # Faster, and better with few rows.
    (getattr(model.encoder, "embeddings", None) or model.encoder.get_input_embeddings()).requires_grad_(False)
    with tempfile.TemporaryDirectory() as scratch:
        watch = _Watch(on_rows, on_point, config.batch_rows)
        trainer = _Trainer(
            model=model,
            args=_arguments(config, len(dataset), seed, scratch),
            data_collator=DataCollatorWithPadding(tokenizer),
            train_dataset=dataset,
            callbacks=[watch],
        )
        trainer.watch = watch
        trainer.remove_callback(PrinterCallback)  # comes with `disable_tqdm`, and prints a dict
        trainer.train()


class FineTuned(LinearHead):
    """Train the whole encoder, from the linear head's solution on."""

    name = "fine_tune"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.encoder = open_encoder(self.config.encoder, len(self.label_names))
        self.trained_rows, self.train_seconds, self.epochs = 0, 0.0, 0
        self.temperature = 1.0
        self._calibrated_rows: list[Labelled] | None = None

    def fit(self, rows: Sequence[Labelled], seed: int, unclear: Sequence[Labelled] = ()) -> None:
        """Fit the head, train all of the encoder but its embeddings, and scale the logits.

        All seeds share the temperature of the seed that is fitted first.
        """
        if not self.calibrates:  # one of several that are tried: its curves don't count
            self.setting.on_planned(self._rows_to_train(len(rows)))
            self._fit(rows, seed)
            return
        all_rows, splits = [*rows, *unclear], list[HeldOut]()
        recalibrates = all_rows != self._calibrated_rows
        if recalibrates:
            self.prepare(all_rows)
            splits = calibration_splits(all_rows, self.label_names, seed)
        sizes = [len(split.train) for split in splits] + [len(rows)]
        self.setting.on_planned(sum(map(self._rows_to_train, sizes)))
        if recalibrates:
            self.temperature = self._temperature(all_rows, splits, seed)
            self._calibrated_rows = all_rows
        self._fit(rows, seed, unclear, self.setting.on_point)
        weight, bias = self.model.head.weight.detach(), self.model.head.bias.detach()
        self.model.set_head(weight / self.temperature, bias / self.temperature)

    def _temperature(self, rows: Sequence[Labelled], splits: Sequence[HeldOut], seed: int) -> float:
        """Return the temperature of real rows by models that were trained without them."""
        if not splits:
            return 1.0
        logits = []
        for split in splits:
            self._fit(training_rows(rows, split, self.label_names), seed)
            held_out = [rows[at] for at in split.held_out]
            logits.append(np.log(np.maximum(self.predict_proba(held_out), _LEAST)))
        truth = truth_of(splits)
        return fit_temperature(np.concatenate(logits), truth, of_held_out(splits, row_weights(rows)))

    def _rows_to_train(self, rows: int) -> int:
        """Return how many rows pass through the encoder in training on so many."""
        return planned_epochs(self.config, rows) * steps_of(self.config, rows) * self.config.batch_rows

    def _fit(
        self,
        rows: Sequence[Labelled],
        seed: int,
        unclear: Sequence[Labelled] = (),
        on_point: OnPoint = lambda *_: None,
    ) -> None:
        super().fit(rows, seed, unclear)
        self.model = copy.deepcopy(self.encoder.base)
        self.model.set_head(*self.head)
        self._train(rows, seed, on_point)

    def _train(self, rows: Sequence[Labelled], seed: int, on_point: OnPoint = lambda *_: None) -> None:
        """Train the model on, as it is."""
        config, encoder = self.config, self.encoder
        self.epochs = planned_epochs(config, len(rows))
        columns = tokenize(rows, encoder.tokenizer, config.max_tokens, encoder.prefix)
        labels, weights = label_numbers(rows, self.label_names), row_weights(rows)
        begin = time.perf_counter()
        fine_tune(
            self.model, columns, labels, weights, encoder.tokenizer, config, seed, self._count_rows, on_point
        )
        self.train_seconds += time.perf_counter() - begin
        self.model.eval()

    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels)."""
        self.setting.on_planned(len(inputs))
        return self._classifier(self.encoder, self.model).predict_proba(inputs, self.setting.on_rows)

    def summary(self) -> dict[str, Any]:
        """Return how it was trained, and how long that took with the trainings for the temperature."""
        return {
            "epochs": self.epochs,
            "temperature": round(self.temperature, 4),
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
