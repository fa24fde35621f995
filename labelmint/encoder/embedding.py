"""Turn rows into vectors with the catalogue's encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from labelmint.core.params import Train
from labelmint.core.records import Input
from labelmint.encoder.data import tokenize
from labelmint.encoder.linear import Floats, embed
from labelmint.encoder.loading import open_encoder

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
