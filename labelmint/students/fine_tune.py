"""Fine-tuning with Hugging Face's Trainer, from the linear head's solution on.

Starting from a fitted head and not a random one keeps the encoder's features intact in the first steps
("linear probing, then fine-tuning", Kumar et al. 2022).
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from transformers import (
    DataCollatorWithPadding,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from labelmint.core.params import Train
from labelmint.encoder.classifier import Classifier
from labelmint.encoder.data import Rows
from labelmint.encoder.loading import uses_bf16

OnRows = Callable[[int], object]
OnPoint = Callable[[str, int, float], object]

# Small arms run more epochs until they took this many steps; large arms run fewer, but at least one.
MIN_STEPS, MAX_STEPS = 30, 200


def steps_of(config: Train, rows: int) -> int:
    """Return the steps of one epoch."""
    return math.ceil(rows / config.batch_rows)


def planned_epochs(config: Train, rows: int) -> int:
    """Return the epochs of the schedule: `epochs`, but more or fewer to stay within MIN_ and MAX_STEPS."""
    steps = steps_of(config, rows)
    most = max(1, MAX_STEPS // steps)
    return min(max(config.epochs, math.ceil(MIN_STEPS / steps)), most)


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
    return TrainingArguments(
        output_dir=scratch,
        seed=seed,
        num_train_epochs=planned_epochs(config, rows),
        per_device_train_batch_size=config.batch_rows,
        learning_rate=config.learning_rate,
        warmup_steps=0.1,
        optim="adamw_torch_fused",
        bf16=uses_bf16(config),
        use_cpu=not torch.cuda.is_available(),
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        dataloader_pin_memory=torch.cuda.is_available(),
        save_strategy="no",
        logging_strategy="steps",
        logging_steps=1,
        report_to=[],
        disable_tqdm=True,
    )


def fine_tune(
    model: Classifier,
    rows: Rows,
    collator: DataCollatorWithPadding,
    config: Train,
    seed: int,
    on_rows: OnRows = lambda _: None,
    on_point: OnPoint = lambda *_: None,
) -> None:
    """Train the model in place, for `planned_epochs`, over which the learning rate falls to zero.

    The curves are those of the rows that it learns from: `loss` of each step, `accuracy` of each epoch.
    """
    if rows.weights is not None:  # of mean 1, so that they leave the learning rate as it is
        rows = replace(rows, weights=rows.weights / rows.weights.mean())
    # Faster, and better with few rows.
    (getattr(model.encoder, "embeddings", None) or model.encoder.get_input_embeddings()).requires_grad_(False)
    with tempfile.TemporaryDirectory() as scratch:
        watch = _Watch(on_rows, on_point, config.batch_rows)
        trainer = _Trainer(
            model=model,
            args=_arguments(config, len(rows), seed, scratch),
            data_collator=collator,
            train_dataset=rows.dataset(),
            callbacks=[watch],
        )
        trainer.watch = watch
        trainer.remove_callback(PrinterCallback)  # comes with `disable_tqdm`, and prints a dict
        trainer.train()
