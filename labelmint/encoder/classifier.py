"""A text classifier: an encoder, the mean of its token vectors, and a linear layer.

Sentence encoders such as MiniLM are trained with mean pooling, but transformers' BERT classifier reads the
first token alone. `export` therefore adds one layer whose attention is uniform, so that the first token
becomes the mean: the saved model is a plain `BertForSequenceClassification` that gives the same answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoTokenizer,
    BertForSequenceClassification,
    BertModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from labelmint.core.errors import ModelError

# The mean enters the exported layer this many times larger than the residual it must drown (1e-4 of it
# stays), and small enough for half precision.
_GAIN = 100.0
# tanh is linear to 1e-5 for inputs this small.
_LINEAR = 1e-3


class Classifier(nn.Module):
    """Encoder, mean pooling, layer norm, linear layer.

    Parameters
    ----------
    encoder : BertModel
        Without its own pooler.
    labels : int
        Number of labels.
    """

    def __init__(self, encoder: BertModel, labels: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.width = encoder.config.hidden_size
        self.head = nn.Linear(self.width, labels)

    def features(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Return unit vectors, shape (rows, width): centred, normalised means over the tokens."""
        hidden = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(torch.float32)
        mean = (hidden.float() * mask).sum(1) / mask.sum(1)
        # Layer norm gives vectors of length √width.
        return nn.functional.layer_norm(mean, (self.width,), eps=1e-12) / math.sqrt(self.width)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return logits, shape (rows, labels), and the cross-entropy loss if labels are given."""
        logits = self.head(self.features(input_ids, attention_mask, token_type_ids)).float()
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}

    def set_head(self, weight: Any, bias: Any) -> None:
        """Set the linear layer: weight of shape (labels, width), bias of shape (labels,)."""
        with torch.no_grad():
            self.head.weight.copy_(torch.as_tensor(weight))
            self.head.bias.copy_(torch.as_tensor(bias))


def silence_transformers() -> None:
    """Keep transformers' notes and bars off standard error."""
    logging: Any = transformers_logging  # its functions have no types
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def load_encoder(folder: Path) -> BertModel:
    """Load a BERT-type encoder, in float32; raise `ModelError` for another architecture."""
    silence_transformers()
    # Before the weights: other architectures don't know `add_pooling_layer`, and raise a TypeError.
    kind = AutoConfig.from_pretrained(folder).model_type
    if kind != "bert":
        raise ModelError(
            f"params.yaml: train.encoder: {folder} is of type {kind}; "
            "only BERT-type encoders are supported, choose another entry"
        )
    return BertModel.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Load the encoder's tokenizer."""
    return AutoTokenizer.from_pretrained(folder)


def export(model: Classifier, names: Sequence[str]) -> BertForSequenceClassification:
    """Return the same classifier as a plain transformers model with named labels."""
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
        _make_mean_layer(encoder.encoder.layer[-1], model.width)
        encoder.pooler.dense.weight.copy_(torch.eye(model.width) * _LINEAR)
        encoder.pooler.dense.bias.zero_()
        plain.classifier.weight.copy_(model.head.weight / (_LINEAR * math.sqrt(model.width)))
        plain.classifier.bias.copy_(model.head.bias)
    plain.eval()
    return cast(BertForSequenceClassification, plain)


def _make_mean_layer(layer: Any, width: int) -> None:
    """Turn a BERT layer into "mean over the tokens, normalised": uniform attention, no feed-forward."""
    attention = layer.attention
    for part in (attention.self.query, attention.self.key, layer.intermediate.dense, layer.output.dense):
        part.weight.zero_()
        part.bias.zero_()
    for part in (attention.self.value, attention.output.dense):
        part.weight.copy_(torch.eye(width) * _GAIN)
        part.bias.zero_()
    for norm in (attention.output.LayerNorm, layer.output.LayerNorm):
        norm.weight.fill_(1)
        norm.bias.zero_()
