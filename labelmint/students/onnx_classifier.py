"""Run a classifier in the ONNX format, with tokenizers and onnxruntime: no PyTorch, no transformers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from labelmint.core.arrays import Floats
from labelmint.core.records import Input, texts_of, without_surrogates
from labelmint.students.base import Classifier

MODEL, MODEL_INT8, TOKENIZER, LABELS = "model.onnx", "model.int8.onnx", "tokenizer.json", "labels.json"
_BATCH_ROWS = 32


class OnnxClassifier(Classifier):
    """A classifier in a folder that `export_onnx` wrote; `file` is model.onnx or model.int8.onnx."""

    def __init__(self, folder: Path, file: str = MODEL) -> None:
        from onnxruntime import InferenceSession

        self.session = InferenceSession(folder / file, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self.tokenizer.encode_special_tokens = True  # "[MASK]" in a text is letters
        content = json.loads((folder / LABELS).read_text(encoding="utf-8"))
        self.label_names, self.prefix = content["label_names"], content["prefix"]

    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels), in the order of `label_names`."""
        result = np.zeros((len(inputs), len(self.label_names)))
        # Rows of similar length share a batch, so that little is padding.
        order = sorted(range(len(inputs)), key=lambda at: sum(map(len, texts_of(inputs[at]))))
        for start in range(0, len(order), _BATCH_ROWS):
            places = order[start : start + _BATCH_ROWS]
            result[places] = self._probabilities([texts_of(inputs[at]) for at in places])
        return result

    def _probabilities(self, batch: Sequence[tuple[str, ...]]) -> Any:
        texts = [
            (self.prefix + without_surrogates(first), *map(without_surrogates, rest))
            for first, *rest in batch
        ]
        encoded = self.tokenizer.encode_batch([text if len(text) == 2 else text[0] for text in texts])
        columns = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
        wanted = [item.name for item in self.session.get_inputs()]
        arrays = {name: np.array([getattr(row, columns[name]) for row in encoded]) for name in wanted}
        return self.session.run(None, arrays)[0]
