"""Write a saved classifier as an ONNX model: pooling, head and softmax inside, no PyTorch needed to run it.

A folder gets model.onnx, model.int8.onnx where it is asked for, tokenizer.json (which cuts and pads), and
labels.json with the label names and the prefix. See onnx_classifier.py for how to run them.
"""

from __future__ import annotations

import logging
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from labelmint.core.errors import ModelError
from labelmint.core.records import write_json
from labelmint.students.encoder_classifier import EncoderClassifier
from labelmint.students.loading import load_student
from labelmint.students.onnx_classifier import LABELS, MODEL, MODEL_INT8, TOKENIZER

_NEEDED = ("onnx", "onnxscript", "onnxruntime")


class _Probabilities(nn.Module):
    """A classifier that gives probabilities in the place of logits."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> Tensor:
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        return torch.softmax(self.model(**inputs)["logits"], dim=-1)


def export_onnx(folder: Path, target: Path, int8: bool) -> None:
    """Write the classifier of a student's folder to another folder; `int8` adds a model of 8-bit weights.

    Raise `ModelError` if it has no encoder, or the packages of the extra `onnx` are missing.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ModelError(f"no {', '.join(missing)} here; for ONNX, run: pip install 'labelmint[onnx]'")
    student = load_student(folder)
    if not isinstance(student, EncoderClassifier):
        raise ModelError(f"{folder}: has no encoder; only linear_head and fine_tune can be written as ONNX")
    target.mkdir(parents=True, exist_ok=True)
    _write_model(student, target / MODEL)
    if int8:
        _quantize(target / MODEL, target / MODEL_INT8)
    _write_tokenizer(student.tokenizer, student.max_tokens, target / TOKENIZER)
    write_json(target / LABELS, {"label_names": student.label_names, "prefix": student.prefix})


def _write_model(student: EncoderClassifier, file: Path) -> None:
    names = ["input_ids", "attention_mask"]
    ids, mask = torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.int64)
    mask[1, -1] = 0  # otherwise the mask might be optimised away
    inputs = [ids, mask]
    if student.model.takes_types and "token_type_ids" in student.tokenizer.model_input_names:
        names.append("token_type_ids")
        inputs.append(torch.zeros_like(ids))
    exporter_log = logging.getLogger("torch.onnx")
    level = exporter_log.level
    exporter_log.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch and onnxscript about each other's changes
        torch.onnx.export(
            _Probabilities(student.model.cpu()).eval(),
            tuple(inputs),
            file,
            input_names=names,
            output_names=["probabilities"],
            dynamic_shapes={name: {0: "rows", 1: "tokens"} for name in names},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    exporter_log.setLevel(level)


def _quantize(source: Path, target: Path) -> None:
    """Make weights and embeddings 8-bit integers, but for the products that narrow.

    Those take the widened activations of the feed-forward layers, a few of which are so large that 8 bits
    leave little of the others: with them, all-mpnet-base-v2 gave 17 % of 60 reviews another label.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(source).graph
    narrow = {item.name for item in graph.initializer if len(item.dims) == 2 and item.dims[0] > item.dims[1]}
    excluded = [node.name for node in graph.node if node.op_type == "MatMul" and node.input[1] in narrow]
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)  # it advises a preparation that changes nothing here
    try:
        quantize_dynamic(
            source, target, weight_type=QuantType.QInt8, per_channel=True, nodes_to_exclude=excluded
        )
    finally:
        logging.root.setLevel(level)


def _write_tokenizer(tokenizer: Any, max_tokens: int, file: Path) -> None:
    """Write the tokenizer so that it cuts and pads by itself."""
    copy = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    copy.enable_truncation(max_tokens)
    copy.enable_padding(pad_id=tokenizer.pad_token_id, pad_token=tokenizer.pad_token)
    copy.save(str(file))
