"""Training: the student `fine_tune` against Hugging Face's `Trainer` with its defaults.

The plain way is `AutoModelForSequenceClassification` in float32 with the Trainer's default optimizer and
learning rate, random batches padded to their longest row, all weights trained. Both train on the same rows in
batches of the same size. Accuracy is measured on other rows of the pool, never on the test rows.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainingArguments,
    set_seed,
)

from experiments.bench.timing import middle, ratios
from labelmint.core import paths
from labelmint.core.params import Params
from labelmint.core.progress import progress
from labelmint.core.records import Labelled, read_rows, texts_of
from labelmint.llm.catalog import load_entry
from labelmint.llm.catalog.files import model_file
from labelmint.students.base import Classifier, Setting
from labelmint.students.registry import open_student
from labelmint.students.sequence_classifier import SequenceClassifier
from labelmint.tasks.cards import load_card

ROUNDS, ROWS, HELD_OUT, EPOCHS = 2, 1000, 1000, 2


def measure(params: Params) -> dict[str, Any]:
    """Train both ways in turn, with another seed in each round."""
    setting = Setting(params.changed({"train.epochs": EPOCHS}), load_card(params.task))
    rows: list[Labelled] = [*read_rows(paths.REAL_TRAIN), *read_rows(paths.REAL_POOL)]
    train, held_out = rows[:ROWS], rows[ROWS : ROWS + HELD_OUT]
    rates: dict[str, list[float]] = {"plain": [], "ours": []}
    accuracies: dict[str, list[float]] = {"plain": [], "ours": []}
    with progress(2 * ROUNDS, "bench train", "runs") as bar:
        for number in range(ROUNDS):
            for name, way in (("plain", plain), ("ours", ours)):
                with redirect_stdout(StringIO()):  # the Trainer prints its summary
                    classifier, rate = way(setting, train, number + 1)
                rates[name].append(rate)
                accuracies[name].append(accuracy(classifier, held_out))
                bar.update()
    ratio = ratios(rates["ours"], rates["plain"])
    return {
        "plain_rows_per_s": middle(rates["plain"]),
        "rows_per_s": middle(rates["ours"]),
        "ratio": middle(ratio),
        "plain_accuracy": round(float(np.mean(accuracies["plain"])), 4),
        "accuracy": round(float(np.mean(accuracies["ours"])), 4),
        "rounds": {"ratio": ratio, "rows_per_s": rates, "accuracy": accuracies},
        "train_rows": len(train),
        "held_out_rows": len(held_out),
        "epochs": EPOCHS,
    }


def plain(setting: Setting, rows: Sequence[Labelled], seed: int) -> tuple[Classifier, float]:
    """Train as the Trainer does by default; only saving, logging and bars are off, as in ours."""
    config, names = setting.params.train, setting.card.label_names
    folder = model_file(config.encoder, load_entry(config.encoder, ("encoder",), "train.encoder")).parent
    set_seed(seed)
    numbers = dict(enumerate(names))
    model: Any = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=len(names), id2label=numbers, dtype=torch.float32
    )
    tokenizer = AutoTokenizer.from_pretrained(folder)
    columns = [list(column) for column in zip(*map(texts_of, rows), strict=True)]
    texts = tokenizer(*columns, truncation=True, max_length=config.max_tokens)
    dataset = Dataset.from_dict({**texts, "labels": [names.index(row["label"]) for row in rows]})
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            seed=seed,
            num_train_epochs=EPOCHS,
            per_device_train_batch_size=config.batch_rows,
            dataloader_pin_memory=torch.cuda.is_available(),
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        # The tokenizer makes the Trainer pad each batch to its longest row.
        trainer = Trainer(model=model, args=arguments, train_dataset=dataset, processing_class=tokenizer)
        start = time.perf_counter()
        trainer.train()
        rate = EPOCHS * len(rows) / (time.perf_counter() - start)
    return SequenceClassifier(model, tokenizer, config.max_tokens), round(rate, 3)


def ours(setting: Setting, rows: Sequence[Labelled], seed: int) -> tuple[Classifier, float]:
    """Fit the student; the rate is of its fine-tuning alone, that on validation splits included."""
    student = open_student("fine_tune", setting)
    student.fit(rows, seed)
    return student, float(student.summary()["rows_per_s"])


def accuracy(classifier: Classifier, rows: Sequence[Labelled]) -> float:
    """Return the share of rows whose label the classifier finds most probable."""
    best = classifier.predict_proba(rows).argmax(axis=1)
    right = [classifier.label_names[at] == row["label"] for at, row in zip(best, rows, strict=True)]
    return round(float(np.mean(right)), 4)
