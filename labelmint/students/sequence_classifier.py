"""Any classifier in the plain format of transformers, and batched prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding

from labelmint.core.errors import ModelError
from labelmint.core.records import Input
from labelmint.encoder.classifier import (
    TRUST_NOTHING,
    check_weights,
    load_tokenizer,
    silence_transformers,
)
from labelmint.encoder.data import Rows, collate, length_batches, tokenize
from labelmint.students.base import Classifier, Floats


class SequenceClassifier(Classifier):
    """A transformers model with one label of several for each text; on the GPU if there is one.

    Parameters
    ----------
    max_tokens : int
        Longer texts are cut.
    batch_rows : int
        Texts that go through the model at once.
    """

    def __init__(self, model: Any, tokenizer: Any, max_tokens: int, batch_rows: int = 64) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model, self.tokenizer = model.to(self.device).eval(), tokenizer
        self.max_tokens, self.batch_rows = max_tokens, batch_rows
        self.label_names = [str(model.config.id2label[number]) for number in range(model.config.num_labels)]

    @classmethod
    def load(cls, folder: Path) -> SequenceClassifier:
        """Open a folder; raise `ModelError` if it holds no such classifier."""
        silence_transformers()
        check_weights(folder)
        try:
            model: Any = AutoModelForSequenceClassification.from_pretrained(
                folder, dtype=torch.float32, use_safetensors=True, **TRUST_NOTHING
            )
            tokenizer = load_tokenizer(folder)
        except Exception as error:
            # transformers, tokenizers and safetensors raise errors of many types for a damaged folder.
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(f"{folder}: can't be opened as a classifier: {reason}") from error
        config = model.config
        if config.problem_type not in (None, "single_label_classification") or config.num_labels < 2:
            raise ModelError(f"{folder}: not a classifier that gives each text one label of several")
        # Where training cut; a tokenizer that wasn't told says 1e30.
        positions = getattr(config, "max_position_embeddings", tokenizer.model_max_length)
        return cls(model, tokenizer, int(min(tokenizer.model_max_length, positions)))

    def predict_proba(
        self, inputs: Sequence[Input], on_rows: Callable[[int], object] = lambda _: None
    ) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels), in the order of `label_names`."""
        rows = tokenize(inputs, None, self.tokenizer, self.max_tokens)
        collator, count = collate(self.tokenizer), len(self.label_names)
        return predict(self.model, count, rows, collator, self.batch_rows, self.device, on_rows)


@torch.inference_mode()
def predict(
    model: Any,
    labels: int,
    rows: Rows,
    collator: DataCollatorWithPadding,
    batch_rows: int,
    device: torch.device,
    on_rows: Callable[[int], object] = lambda _: None,
) -> Floats:
    """Return probabilities, shape (rows, labels), of a model on `device` whose output has logits."""
    result = np.empty((len(rows), labels))
    for indices in length_batches(rows, batch_rows):
        padded: Any = collator(rows.features(indices))
        batch = {name: part.to(device) for name, part in padded.items()}
        result[indices] = torch.softmax(model(**batch)["logits"].double(), dim=-1).cpu().numpy()
        on_rows(len(indices))
    return result
