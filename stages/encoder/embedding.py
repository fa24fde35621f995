"""The catalogue's encoder, loaded and ready to turn rows into vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stages.encoder.data import tokenize
from stages.encoder.linear import Floats, embed
from stages.encoder.opening import open_encoder
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
    encoder = open_encoder(config.encoder, labels=2)
    tokenized = tokenize(rows, None, encoder.tokenizer, config.max_tokens)
    return embed(encoder.base, tokenized, encoder.collator, _BATCH_ROWS, on_rows)
