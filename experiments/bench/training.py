"""Training: our fine-tuning against Hugging Face's `Trainer` as it comes.

The plain way is `AutoModelForSequenceClassification` in float32 with the Trainer's default optimizer and
learning rate, random batches padded to their longest row, all weights trained. Both train on the rows of
the arm real_1000 in batches of the same size for the same epochs. Accuracy is measured on other rows of the
pool, never on the test rows. Reads params.yaml and the real rows.
"""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
    set_seed,
)

from experiments.bench.inputs import Inputs
from experiments.bench.rounds import Timed, interleave, middle, ratios, rounded
from labelmint.core.params import Train
from labelmint.core.progress import progress
from labelmint.core.records import Labelled
from labelmint.encoder.classifier import Classifier, export, load_encoder, load_tokenizer
from labelmint.encoder.data import Rows, collate, tokenize
from labelmint.encoder.linear import embed, fit_head
from labelmint.llm.catalog import load_entry, model_file
from labelmint.students.arm import predict
from labelmint.students.fine_tune import fine_tune, uses_bf16


@dataclass(frozen=True)
class Size:
    """Rows to train on, held-out rows, and the epochs of each round; accuracy is taken in the first.

    Rounds are not cut short to fewer rows: batches of like length need an arm of real size.
    """

    rows: int = 1000
    held_out: int = 1000
    epochs: tuple[int, ...] = (2, 1, 1)


FULL, QUICK = Size(), Size(rows=512, held_out=500, epochs=(1,))


@dataclass(frozen=True)
class Bench:
    """Everything loaded once, outside the timings."""

    config: Train
    folder: Path
    tokenizer: PreTrainedTokenizerBase
    collator: DataCollatorWithPadding
    base: Classifier
    names: list[str]
    train: Rows
    held_out: Rows


def rows_of(inputs: Inputs, size: Size) -> tuple[list[Labelled], list[Labelled]]:
    """Return the first rows, which are the arm real_<n>, and others that no such arm holds."""
    order = [*inputs.train, *inputs.pool]
    return order[: size.rows], order[size.rows : size.rows + size.held_out]


def load(inputs: Inputs, size: Size) -> Bench:
    """Load the encoder and tokenize the rows."""
    config, names = inputs.params.train, inputs.card.label_names
    folder = model_file(config.encoder, load_entry(config.encoder, ("encoder",), "train.encoder")).parent
    tokenizer = load_tokenizer(folder)

    def tokens(rows: Sequence[Labelled]) -> Rows:
        labels = np.array([names.index(row["label"]) for row in rows], np.int64)
        return tokenize(rows, labels, tokenizer, config.max_tokens)

    train, held_out = map(tokens, rows_of(inputs, size))
    base = Classifier(load_encoder(folder), len(names))
    return Bench(config, folder, tokenizer, collate(tokenizer), base, names, train, held_out)


def measure(inputs: Inputs, size: Size) -> dict[str, Any]:
    """Measure both ways in turn."""
    bench = load(inputs, size)
    begin = time.perf_counter()
    features = embed(bench.base, bench.train, bench.collator, bench.config.batch_rows)
    head = fit_head(features, _labels(bench.train), len(bench.names), 1)
    head_seconds = time.perf_counter() - begin
    accuracy: dict[str, float] = {}
    total = 2 * len(bench.train) * sum(size.epochs)
    with progress(total, "bench train", "rows") as bar:

        def timed(name: str, number: int) -> Timed:
            epochs, seed = size.epochs[number], number + 1
            way = _plain if name == "plain" else _ours
            with redirect_stdout(StringIO()):  # the Trainer prints its own summary
                seconds, model = way(bench, head, bench.train, epochs, seed)
            if number == 0:
                accuracy[name] = _accuracy(bench, model)
            bar.update(len(bench.train) * epochs)
            return Timed(seconds, len(bench.train) * epochs)

        few = bench.train.take(range(min(len(bench.train), 2 * bench.config.batch_rows)))
        with redirect_stdout(StringIO()):
            for way in (_plain, _ours):  # warm up
                way(bench, head, few, 1, 0)
        times = interleave(
            {"plain": lambda number: timed("plain", number), "ours": lambda number: timed("ours", number)},
            len(size.epochs),
        )
    return {
        **summary(times, accuracy),
        "head_seconds": round(head_seconds, 2),
        "train_rows": len(bench.train),
        "held_out_rows": len(bench.held_out),
        "epochs": size.epochs[0],
        "precision": "bf16" if uses_bf16(bench.config) else "fp32",
    }


def summary(times: dict[str, list[Timed]], accuracy: dict[str, float]) -> dict[str, Any]:
    """Return the medians over the rounds, and the rounds."""
    rates = {name: [timed.rows_per_s for timed in every] for name, every in times.items()}
    ratio = ratios(rates["ours"], rates["plain"])
    return {
        "plain_rows_per_s": middle(rates["plain"]),
        "rows_per_s": middle(rates["ours"]),
        "ratio": middle(ratio),
        "plain_accuracy": round(accuracy["plain"], 4),
        "accuracy": round(accuracy["ours"], 4),
        "rounds": {"ratio": ratio, "rows_per_s": {name: rounded(every) for name, every in rates.items()}},
    }


def _labels(rows: Rows) -> Any:
    assert rows.labels is not None
    return rows.labels


def _plain(bench: Bench, _: Any, rows: Rows, epochs: int, seed: int) -> tuple[float, Any]:
    """Train as the Trainer does by default; only saving, logging and bars are off, as in ours."""
    set_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        bench.folder, num_labels=len(bench.names), dtype=torch.float32
    )
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            seed=seed,
            num_train_epochs=epochs,
            per_device_train_batch_size=bench.config.batch_rows,
            dataloader_pin_memory=torch.cuda.is_available(),
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        # The tokenizer makes the Trainer pad each batch to its longest row.
        Trainer(
            model=model, args=arguments, train_dataset=rows.dataset(), processing_class=bench.tokenizer
        ).train()
    return time.perf_counter() - begin, model


def _ours(bench: Bench, head: Any, rows: Rows, epochs: int, seed: int) -> tuple[float, Any]:
    model = copy.deepcopy(bench.base)
    model.set_head(*head)
    config = bench.config.model_copy(update={"epochs": epochs, "min_steps": 0})
    begin = time.perf_counter()
    fine_tune(model, rows, bench.collator, config, seed)
    seconds = time.perf_counter() - begin
    return seconds, export(model.cpu(), bench.names)


def _accuracy(bench: Bench, model: Any) -> float:
    """Score a classifier as it would be deployed."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    probabilities = predict(model, bench.held_out, bench.collator, bench.config.batch_rows, device)
    return float((probabilities.argmax(axis=1) == _labels(bench.held_out)).mean())
