"""The catalogue's encoder, loaded and ready to turn rows into vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from stages.encoder.classifier import Classifier, load_encoder, load_tokenizer
from stages.encoder.data import collate, tokenize
from stages.encoder.linear import Floats, embed
from stages.llm.catalog import load_entry, model_file
from stages.params import Train
from stages.records import Input

_BATCH_ROWS = 64


def embed_rows(
    config: Train, rows: Sequence[Input], on_rows: Callable[[int], object] = lambda _: None
) -> Floats:
    """Return the rows' vectors by the frozen encoder `train.encoder`, shape (rows, width), of length 1.

    Raises
    ------
    ModelError
        If the encoder is missing, altered or of an unknown kind.
    """
    folder = model_file(config.encoder, load_entry(config.encoder, ("encoder",), "train.encoder")).parent
    tokenizer = load_tokenizer(folder)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = Classifier(load_encoder(folder), labels=2).to(device)
    tokenized = tokenize(rows, None, tokenizer, config.max_tokens)
    return embed(model, tokenized, collate(tokenizer), _BATCH_ROWS, on_rows)
