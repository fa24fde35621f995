"""A text classifier: an encoder, one vector of its token vectors, and a linear layer."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from labelmint.core.errors import ModelError, of_the_machine
from labelmint.core.quoting import first_line

Pooling = Literal["mean", "cls", "last"]

# Every vocabulary has more than that beside its control tokens.
_FEW_TOKENS = 10
# Nothing is fetched, and no code that lies in a model's folder is run.
TRUST_NOTHING: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


class Classifier(nn.Module):
    """Encoder, pooling, layer norm, linear layer.

    `encoder` is any model of transformers that gives a last hidden state, without its own pooler. `pooling`
    says which token vectors make a text's vector: their mean, the first, or the last.
    """

    def __init__(self, encoder: Any, labels: int, pooling: Pooling = "mean") -> None:
        super().__init__()
        self.encoder, self.pooling = encoder, pooling
        self.width: int = encoder.config.hidden_size
        self.head = nn.Linear(self.width, labels)
        known = inspect.signature(encoder.forward).parameters
        # Tokenizers may give token types to a model that has none; a decoder's cache is of no use here.
        self.takes_types = "token_type_ids" in known
        self._options = {"use_cache": False} if "use_cache" in known else {}

    def features(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Return unit vectors, shape (rows, width): centred, normalised; padding must be on the right."""
        batch = {"input_ids": input_ids, "attention_mask": attention_mask, **self._options}
        if token_type_ids is not None and self.takes_types:
            batch["token_type_ids"] = token_type_ids
        pooled = self._pool(self.encoder(**batch).last_hidden_state.float(), attention_mask)
        # Layer norm gives vectors of length √width.
        return nn.functional.layer_norm(pooled, (self.width,), eps=1e-12) / math.sqrt(self.width)

    def _pool(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        if self.pooling == "cls":
            return hidden[:, 0]
        if self.pooling == "last":
            places = (attention_mask.sum(1) - 1)[:, None, None].expand(-1, 1, self.width)
            return hidden.gather(1, places)[:, 0]
        mask = attention_mask.unsqueeze(-1).to(torch.float32)
        return (hidden * mask).sum(1) / mask.sum(1)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return logits, shape (rows, labels), and with labels the mean of the rows' weighted losses."""
        features = self.features(input_ids, attention_mask, token_type_ids)
        with torch.autocast(features.device.type, enabled=False):  # bf16 would give few different scores
            logits = self.head(features)
        if labels is None:
            return {"logits": logits}
        losses = nn.functional.cross_entropy(logits, labels, reduction="none")
        return {"loss": (losses if weights is None else losses * weights).mean(), "logits": logits}

    def set_head(self, weight: Any, bias: Any) -> None:
        """Set the linear layer: weight of shape (labels, width), bias of shape (labels,)."""
        with torch.no_grad():
            self.head.weight.copy_(torch.as_tensor(weight))
            self.head.bias.copy_(torch.as_tensor(bias))


def most_tokens(model: nn.Module) -> int | None:
    """Return how many tokens a model's table of positions has room for; None if it has no such table."""
    most = []
    for name, part in model.named_modules():
        if isinstance(part, nn.Embedding) and "position" in name:
            # RoBERTa and its like number positions from behind the padding's on.
            most.append(part.num_embeddings - (0 if part.padding_idx is None else part.padding_idx + 1))
    return min(most, default=None)


def silence_transformers() -> None:
    """Keep transformers' notes and bars off standard error."""
    logging: Any = transformers_logging  # its functions have no types
    logging.set_verbosity_error()
    logging.disable_progress_bar()


@contextmanager
def damage_explained(what: str) -> Iterator[None]:
    """Raise `ModelError` for an error of a damaged or unknown folder, with its first line.

    transformers, tokenizers and safetensors raise errors of many types for one.
    """
    try:
        yield
    except Exception as error:
        if of_the_machine(error):
            raise
        raise ModelError(f"{what}: {first_line(error)}") from error


def check_weights(folder: Path) -> None:
    """Raise `ModelError` if a folder's weights are a pickle, which may run code as it is opened."""
    pickles = sorted(folder.glob("pytorch_model*.bin"))
    if pickles and not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{pickles[0]}: a pickle, which may run any code when it is opened; get the model as "
            "safetensors, or convert it where you trust it: AutoModel.from_pretrained(…).save_pretrained(…)"
        )


def load_encoder(folder: Path) -> Any:
    """Load any text encoder that `AutoModel` opens, in float32; raise `ModelError` if the folder is none."""
    if sys.flags.optimize > 1:
        raise ModelError("PYTHONOPTIMIZE=2 (python -OO) drops docstrings, which transformers reads; unset it")
    silence_transformers()
    check_weights(folder)
    encoder: Any
    with damage_explained(f"{folder}: can't be opened as an encoder"):
        config = AutoConfig.from_pretrained(folder, **TRUST_NOTHING)
        encoder, loaded = AutoModel.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **TRUST_NOTHING
        )
    takes_text = encoder.main_input_name == "input_ids" and hasattr(config, "hidden_size")
    if not takes_text or config.is_encoder_decoder:
        raise ModelError(
            f"{folder}: a model of type {config.model_type} gives no vector for each token of a text; "
            "choose another entry for train.encoder"
        )
    _check_tensors(folder, encoder, loaded["missing_keys"])
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None  # often not among the weights, hence random
    return encoder


def _check_tensors(folder: Path, encoder: Any, missing: Iterable[str]) -> None:
    """Raise `ModelError` if weights are missing, and hence random, or no numbers."""
    random = sorted(name for name in missing if "pooler" not in name)
    if random:
        raise ModelError(
            f"{folder}: the weights lack {len(random)} of the encoder's tensors ({random[0]} …); they are "
            "another model's, or incomplete: fetch them again"
        )
    for name, weight in encoder.named_parameters():
        if not weight.isfinite().all():
            raise ModelError(f"{folder}: the weights are damaged: {name} has values that are no numbers")


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Load the encoder's tokenizer, which pads on the right and takes "[MASK]" in a text for letters."""
    tokenizer: Any
    with damage_explained(f"{folder}: its tokenizer can't be opened"):
        tokenizer = AutoTokenizer.from_pretrained(folder, split_special_tokens=True, **TRUST_NOTHING)
    if len(tokenizer) < len(tokenizer.all_special_ids) + _FEW_TOKENS:  # transformers makes one of nothing
        raise ModelError(f"{folder}: it has no tokenizer: fetch the model's tokenizer.json, too")
    tokenizer.padding_side = "right"  # `Classifier` takes the first and the last token by their places
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer  # type: ignore[no-any-return]
