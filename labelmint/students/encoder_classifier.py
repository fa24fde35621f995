"""An encoder with its head as a classifier, and how encoder students are saved.

A folder has student.json (label names, pooling, prefix, max_tokens), the tokenizer, and the model: as the
plain classifier of transformers where that gives the same answers (encoder/plain.py), otherwise the encoder
by itself, and the head in head.safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from labelmint.core.errors import ModelError
from labelmint.core.records import Input
from labelmint.encoder.classifier import Classifier as Model
from labelmint.encoder.classifier import load_encoder, load_tokenizer
from labelmint.encoder.data import collate, tokenize
from labelmint.encoder.plain import can_be_plain, from_plain, to_plain
from labelmint.students.base import Classifier, Floats
from labelmint.students.saving import STUDENT, write_student
from labelmint.students.sequence_classifier import SequenceClassifier, predict

HEAD = "head.safetensors"


class EncoderClassifier(Classifier):
    """A classifier that embeds each text that it is given; on the GPU if there is one.

    Parameters
    ----------
    max_tokens : int
        Longer texts are cut.
    prefix : str
        Goes before each text.
    batch_rows : int
        Texts that go through the model at once.
    """

    def __init__(
        self,
        model: Model,
        tokenizer: Any,
        label_names: Sequence[str],
        max_tokens: int,
        prefix: str = "",
        batch_rows: int = 64,
    ) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model, self.tokenizer = model.to(self.device).eval(), tokenizer
        self.label_names = list(label_names)
        self.max_tokens, self.prefix, self.batch_rows = max_tokens, prefix, batch_rows

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """Open a folder; raise `ModelError` if it holds no such classifier."""
        try:
            content = json.loads((folder / STUDENT).read_text(encoding="utf-8"))
            if "pooling" not in content:  # saved by an earlier version, as transformers' classifier
                return SequenceClassifier.load(folder)
            names, pooling, prefix = content["label_names"], content["pooling"], content["prefix"]
            max_tokens = int(content["max_tokens"])
            if not (folder / HEAD).is_file():
                plain = SequenceClassifier.load(folder)
                return cls(from_plain(plain.model, pooling), plain.tokenizer, names, max_tokens, prefix)
            head = load_file(folder / HEAD)
            model = Model(load_encoder(folder), len(names), pooling)
            model.set_head(head["weight"], head["bias"])
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(f"{folder}: damaged: {reason}; train it again") from error
        return cls(model, load_tokenizer(folder), names, max_tokens, prefix)

    def predict_proba(
        self, inputs: Sequence[Input], on_rows: Callable[[int], object] = lambda _: None
    ) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels), in the order of `label_names`."""
        rows = tokenize(inputs, None, self.tokenizer, self.max_tokens, self.prefix)
        collator, names = collate(self.tokenizer), self.label_names
        return predict(self.model, len(names), rows, collator, self.batch_rows, self.device, on_rows)

    def save(self, folder: Path, name: str) -> None:
        """Write model, tokenizer and student.json to an existing folder; `name` is the student's."""
        if can_be_plain(self.model):
            to_plain(self.model.cpu(), self.label_names).save_pretrained(folder)
        else:
            self.model.encoder.save_pretrained(folder)
            save_file(self.model.cpu().head.state_dict(), folder / HEAD)
        self.model.to(self.device)
        # So that `truncation=True` in a pipeline cuts where training did.
        self.tokenizer.model_max_length = self.max_tokens
        self.tokenizer.save_pretrained(folder)
        facts = {"pooling": self.model.pooling, "prefix": self.prefix, "max_tokens": self.max_tokens}
        write_student(folder, name, self.label_names, **facts)
