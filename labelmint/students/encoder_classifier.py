"""An encoder with its head as a classifier, and how encoder students are saved.

A folder has student.json (label names, pooling, prefix, max_tokens, precision), the tokenizer, and the model:
as the plain classifier of transformers where that gives the same answers (encoder/plain.py), otherwise the
encoder by itself, and the head in head.safetensors.
"""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file, save_file

from labelmint.encoder.classifier import Classifier as Model
from labelmint.encoder.classifier import load_encoder, load_tokenizer
from labelmint.encoder.plain import can_be_plain, from_plain, to_plain
from labelmint.students.saving import HEAD, read_student, write_student
from labelmint.students.sequence_classifier import SequenceClassifier, TorchClassifier


class EncoderClassifier(TorchClassifier):
    """A classifier that embeds each text that it is given."""

    @classmethod
    def load(cls, folder: Path) -> EncoderClassifier:
        """Open a folder, as `load_student` does, which explains errors in a damaged one."""
        content = read_student(folder)
        names, pooling, prefix = content["label_names"], content["pooling"], content["prefix"]
        max_tokens, precision = int(content["max_tokens"]), content.get("precision", "auto")
        if not (folder / HEAD).is_file():
            plain = SequenceClassifier.load(folder)
            return cls(
                from_plain(plain.model, pooling), plain.tokenizer, names, max_tokens, prefix, precision
            )
        head = load_file(folder / HEAD)
        model = Model(load_encoder(folder), len(names), pooling)
        model.set_head(head["weight"], head["bias"])
        return cls(model, load_tokenizer(folder), names, max_tokens, prefix, precision)

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
        write_student(
            folder,
            name,
            self.label_names,
            pooling=self.model.pooling,
            prefix=self.prefix,
            max_tokens=self.max_tokens,
            precision=self.precision,
        )
