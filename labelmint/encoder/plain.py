"""A BERT classifier in the plain format of transformers, and back.

transformers' BERT classifier reads the first token alone, through a dense layer and tanh. So `to_plain` adds
one layer. For mean pooling its attention is uniform, so that the first token becomes the mean; for the first
token it only normalises. The result is a `BertForSequenceClassification` that gives the same answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from transformers import BertForSequenceClassification

from labelmint.encoder.classifier import Classifier, Pooling

# The mean enters the exported layer this many times larger than the residual it must drown (1e-4 of it
# stays), and small enough for half precision.
_GAIN = 100.0
# tanh is linear to 1e-5 for inputs this small.
_LINEAR = 1e-3


def can_be_plain(model: Classifier) -> bool:
    """Return whether transformers' own classifier of this architecture can give the same answers."""
    return model.encoder.config.model_type == "bert" and model.pooling in ("mean", "cls")


def to_plain(model: Classifier, names: Sequence[str]) -> BertForSequenceClassification:
    """Return the same classifier as a plain transformers model with named labels; see `can_be_plain`."""
    config = type(model.encoder.config).from_dict(model.encoder.config.to_dict())
    config.num_hidden_layers += 1
    config.id2label = dict(enumerate(names))
    config.label2id = {name: number for number, name in enumerate(names)}
    config.problem_type = "single_label_classification"
    config.architectures = ["BertForSequenceClassification"]
    plain: Any = BertForSequenceClassification(config)
    encoder = plain.bert
    encoder.embeddings.load_state_dict(model.encoder.embeddings.state_dict())
    for ours, theirs in zip(model.encoder.encoder.layer, encoder.encoder.layer, strict=False):
        theirs.load_state_dict(ours.state_dict())
    with torch.no_grad():
        _make_pooling_layer(encoder.encoder.layer[-1], model.width, _GAIN if model.pooling == "mean" else 0.0)
        encoder.pooler.dense.weight.copy_(torch.eye(model.width) * _LINEAR)
        encoder.pooler.dense.bias.zero_()
        plain.classifier.weight.copy_(model.head.weight / (_LINEAR * math.sqrt(model.width)))
        plain.classifier.bias.copy_(model.head.bias)
    plain.eval()
    return cast(BertForSequenceClassification, plain)


def from_plain(plain: Any, pooling: Pooling) -> Classifier:
    """Undo `to_plain`: without the added layer it predicts faster."""
    encoder = plain.bert
    encoder.encoder.layer = encoder.encoder.layer[:-1]
    encoder.config.num_hidden_layers -= 1
    encoder.pooler = None
    model = Classifier(encoder, plain.config.num_labels, pooling)
    model.set_head(plain.classifier.weight * (_LINEAR * math.sqrt(model.width)), plain.classifier.bias)
    return model


def _make_pooling_layer(layer: Any, width: int, gain: float) -> None:
    """Turn a BERT layer into "`gain` times the mean over the tokens, plus the token, normalised"."""
    attention = layer.attention
    for part in (attention.self.query, attention.self.key, layer.intermediate.dense, layer.output.dense):
        part.weight.zero_()
        part.bias.zero_()
    for part in (attention.self.value, attention.output.dense):
        part.weight.copy_(torch.eye(width) * gain)
        part.bias.zero_()
    for norm in (attention.output.LayerNorm, layer.output.LayerNorm):
        norm.weight.fill_(1)
        norm.bias.zero_()
