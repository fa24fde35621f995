"""Training: our fine-tuning against Hugging Face's `Trainer` with its defaults.

The plain way is `AutoModelForSequenceClassification` in float32 with the Trainer's default optimizer and
learning rate, random batches padded to their longest row, all weights trained. Both train on the first real
rows in batches of the same size for the same epochs. Accuracy is measured on other rows of the pool, never on
the test rows.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments, set_seed

from experiments.bench.timing import Timed, interleave, middle, rates, ratios, real_rows
from labelmint.core.params import Params
from labelmint.core.progress import progress
from labelmint.core.records import Labelled
from labelmint.encoder.classifier import export
from labelmint.encoder.data import tokenize
from labelmint.encoder.linear import embed, fit_head
from labelmint.encoder.loading import open_encoder
from labelmint.llm.catalog import load_entry, model_file
from labelmint.students.fine_tune import fine_tune, uses_bf16
from labelmint.students.sequence_classifier import SequenceClassifier


@dataclass(frozen=True)
class Size:
    """Rows to train on, held-out rows, and the epochs of each round; accuracy is taken in the first.

    Rounds are not cut short to fewer rows: batches of like length need an arm of real size.
    """

    rows: int = 1000
    held_out: int = 1000
    epochs: tuple[int, ...] = (2, 1, 1)


FULL, QUICK = Size(), Size(rows=512, held_out=500, epochs=(1,))


class Ways:
    """Both ways to train on the same rows; everything is loaded once, outside the timings."""

    def __init__(self, params: Params, names: list[str], train: Sequence[Labelled]) -> None:
        self.config, self.names = params.train, names
        self.encoder = open_encoder(self.config.encoder, len(names))
        entry = load_entry(self.config.encoder, ("encoder",), "train.encoder")
        self.folder = model_file(self.config.encoder, entry).parent
        labels = np.array([names.index(row["label"]) for row in train], np.int64)
        self.rows = tokenize(train, labels, self.encoder.tokenizer, self.config.max_tokens)
        self.head_time = Timed()
        with self.head_time.clock():
            encoder = self.encoder
            features = embed(encoder.base, self.rows, encoder.collator, self.config.batch_rows)
            self.head = fit_head(features, labels, len(names), 1)

    def plain(self, rows: int, epochs: int, seed: int) -> tuple[Timed, Any]:
        """Train as the Trainer does by default; only saving, logging and bars are off, as in ours."""
        set_seed(seed)
        model: Any = AutoModelForSequenceClassification.from_pretrained(
            self.folder, num_labels=len(self.names), dtype=torch.float32
        )
        timed = Timed(rows=rows * epochs)
        with timed.clock(), tempfile.TemporaryDirectory() as scratch:
            arguments = TrainingArguments(
                output_dir=scratch,
                seed=seed,
                num_train_epochs=epochs,
                per_device_train_batch_size=self.config.batch_rows,
                dataloader_pin_memory=torch.cuda.is_available(),
                save_strategy="no",
                logging_strategy="no",
                report_to=[],
                disable_tqdm=True,
            )
            dataset = self.rows.take(range(rows)).dataset()
            # The tokenizer makes the Trainer pad each batch to its longest row.
            tokenizer = self.encoder.tokenizer
            Trainer(model=model, args=arguments, train_dataset=dataset, processing_class=tokenizer).train()
        return timed, model

    def ours(self, rows: int, epochs: int, seed: int) -> tuple[Timed, Any]:
        """Fine-tune from the linear head's solution on, as the student does."""
        model = copy.deepcopy(self.encoder.base)
        model.set_head(*self.head)
        timed = Timed(rows=rows * epochs)
        with timed.clock():
            few = self.rows.take(range(rows))
            fine_tune(model, few, self.encoder.collator, self.config, seed, epochs=epochs)
        return timed, export(model.cpu(), self.names)

    def accuracy(self, model: Any, rows: Sequence[Labelled]) -> float:
        """Score a classifier as it would be deployed."""
        config = self.config
        classifier = SequenceClassifier(model, self.encoder.tokenizer, config.max_tokens, config.batch_rows)
        predicted = classifier.predict_proba(rows).argmax(axis=1)
        right = [self.names[best] == row["label"] for best, row in zip(predicted, rows, strict=True)]
        return round(float(np.mean(right)), 4)


def measure(params: Params, *, quick: bool) -> dict[str, Any]:
    """Measure both ways in turn."""
    size = QUICK if quick else FULL
    card, parts = real_rows(params)
    train, held_out = rows_of([*parts.train, *parts.pool], size)
    ways = Ways(params, card.label_names, train)
    accuracy: dict[str, float] = {}
    with progress(2 * len(train) * sum(size.epochs), "bench train", "rows") as bar:

        def timed(name: str, number: int) -> Timed:
            with redirect_stdout(StringIO()):  # the Trainer prints its summary
                way = ways.plain if name == "plain" else ways.ours
                result, model = way(len(train), size.epochs[number], number + 1)
            if number == 0:
                accuracy[name] = ways.accuracy(model, held_out)
            bar.update(result.rows)
            return result

        with redirect_stdout(StringIO()):
            for way in (ways.plain, ways.ours):  # warm up
                way(min(len(train), 2 * params.train.batch_rows), 1, 0)
        times = interleave(
            {"plain": lambda number: timed("plain", number), "ours": lambda number: timed("ours", number)},
            len(size.epochs),
        )
    return {
        **summary(times, accuracy),
        "head_seconds": round(ways.head_time.seconds, 2),
        "train_rows": len(train),
        "held_out_rows": len(held_out),
        "epochs": size.epochs[0],
        "precision": "bf16" if uses_bf16(params.train) else "fp32",
    }


def rows_of(rows: Sequence[Labelled], size: Size) -> tuple[Sequence[Labelled], Sequence[Labelled]]:
    """Return the first rows, as an arm of that many real rows has them, and rows that it doesn't have."""
    return rows[: size.rows], rows[size.rows : size.rows + size.held_out]


def summary(times: dict[str, list[Timed]], accuracy: dict[str, float]) -> dict[str, Any]:
    """Return the medians over the rounds, and the rounds."""
    rows, ratio = rates(times), ratios(times["ours"], times["plain"])
    return {
        "plain_rows_per_s": middle(rows["plain"]),
        "rows_per_s": middle(rows["ours"]),
        "ratio": middle(ratio),
        "plain_accuracy": accuracy["plain"],
        "accuracy": accuracy["ours"],
        "rounds": {"ratio": ratio, "rows_per_s": rows},
    }
