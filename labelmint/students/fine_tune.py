"""Fine-tuning with Hugging Face's Trainer, from the linear head's solution on.

Starting from a fitted head and not a random one keeps the encoder's features intact in the first steps
("linear probing, then fine-tuning", Kumar et al. 2022).
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.special import log_softmax
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

OnRows = Callable[[int], object]

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


def uses_bf16(config: Train) -> bool:
    """Return whether to train in bfloat16: as set, or where the hardware has instructions for it."""
    if config.precision != "auto":
        return config.precision == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


class _Watch(TrainerCallback):
    """Report rows as they are trained on."""

    def __init__(self, on_rows: OnRows, batch_rows: int) -> None:
        self.on_rows, self.batch_rows = on_rows, batch_rows

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.on_rows(self.batch_rows)


def fine_tune(
    model: Classifier,
    rows: Rows,
    collator: DataCollatorWithPadding,
    config: Train,
    seed: int,
    *,
    validation: Rows | None = None,
    epochs: int | None = None,
    on_rows: OnRows = lambda _: None,
) -> list[dict[str, float]]:
    """Train the model in place; return accuracy and log loss on the validation rows after each epoch.

    Parameters
    ----------
    epochs : int or None
        Length of the schedule, over which the learning rate falls to zero; None: `planned_epochs`.
    """
    # Faster, and better with few rows.
    model.encoder.embeddings.requires_grad_(False)
    epochs = epochs or planned_epochs(config, len(rows))
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            seed=seed,
            num_train_epochs=epochs,
            per_device_train_batch_size=config.batch_rows,
            per_device_eval_batch_size=4 * config.batch_rows,
            learning_rate=config.learning_rate,
            warmup_steps=0.1,
            optim="adamw_torch_fused",
            bf16=uses_bf16(config),
            use_cpu=not torch.cuda.is_available(),
            train_sampling_strategy="group_by_length",
            length_column_name="length",
            dataloader_pin_memory=torch.cuda.is_available(),
            eval_strategy="epoch" if validation else "no",
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            data_collator=collator,
            train_dataset=rows.dataset(),
            eval_dataset=validation.dataset() if validation else None,
            compute_metrics=lambda output: measure(output.predictions, output.label_ids),
            callbacks=[_Watch(on_rows, config.batch_rows)],
        )
        trainer.remove_callback(PrinterCallback)  # comes with `disable_tqdm`, and prints a dict an epoch
        trainer.train()
    return [
        {name: entry[f"eval_{name}"] for name in ("accuracy", "log_loss")}
        for entry in trainer.state.log_history
        if "eval_accuracy" in entry
    ]


def measure(logits: Any, labels: Any) -> dict[str, float]:
    """Return accuracy and mean log loss of logits, shape (rows, labels)."""
    logits = np.asarray(logits, np.float64)
    label_scores = log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    return {"accuracy": accuracy, "log_loss": float(-label_scores.mean())}
