"""Rows as vectors, kept in the cache: another threshold, arm or seed embeds nothing again.

In chunks, like label scores: a vector depends a little on what shares its batch, which must not be what
an earlier run happened to leave over.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labelmint.core.arrays import Floats32
from labelmint.core.cache import Cache, fingerprint
from labelmint.core.params import Train
from labelmint.core.records import Input, texts_of
from labelmint.llm.catalog import load_entry
from labelmint.llm.catalog.files import identity, model_file

# A larger set that begins with the same rows embeds only its last chunk again.
CHUNK_ROWS = 100

Embed = Callable[[Sequence[Input]], Floats32]


def embed_rows(
    config: Train, rows: Sequence[Input], on_rows: Callable[[int], object] = lambda _: None
) -> Floats32:
    """Return the rows' vectors by the frozen encoder, shape (rows, width), of length 1.

    Raise `ModelError` if the encoder is missing, altered or of an unknown kind.
    """
    if not rows:
        return np.zeros((0, 0), np.float32)
    # Here and not above: PyTorch takes seconds to load, and most of the filter can do without.
    from labelmint.encoder.loading import open_encoder

    cache, encoder = Cache("embed", _identity(config)), None
    chunks = [rows[start : start + CHUNK_ROWS] for start in range(0, len(rows), CHUNK_ROWS)]
    parts = []
    for chunk in chunks:
        key = fingerprint({"texts": [*map(texts_of, chunk)]})
        kept = cache.get(key)
        if kept is None:
            encoder = encoder or open_encoder(config.encoder)
            vectors = encoder.embed(config, chunk, on_rows)
            kept = base64.b64encode(vectors.astype("<f4").tobytes()).decode("ascii")
            cache.add(key, kept)
        else:
            on_rows(len(chunk))
        parts.append(np.frombuffer(base64.b64decode(kept), "<f4"))
    return np.concatenate(parts).reshape(len(rows), -1)


def embed_by_source(
    config: Train, rows: Sequence[Input], on_rows: Callable[[int], object] = lambda _: None
) -> Floats32:
    """Return the rows' vectors, each `source` embedded by itself, so that arms that share rows share them."""
    places: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(str(row.get("source", "")), []).append(place)
    parts = [embed_rows(config, [rows[place] for place in group], on_rows) for group in places.values()]
    order = np.argsort([place for group in places.values() for place in group])
    return np.concatenate(parts)[order] if parts else embed_rows(config, [])


class Vectors:
    """Vectors by row, of groups of rows that are embedded together once one of them is asked for.

    No two rows have the same id.
    """

    def __init__(self, embed: Embed, *groups: Sequence[Input]) -> None:
        self._embed, self._groups = embed, groups
        self._places = {
            row["id"]: (group, at) for group, rows in enumerate(groups) for at, row in enumerate(rows)
        }
        self._vectors: dict[int, Floats32] = {}

    def of(self, rows: Sequence[Input]) -> Floats32:
        """Return the vectors of some of the rows, shape (rows, width)."""
        if not rows:
            return np.zeros((0, 0), np.float32)
        return np.stack([self._vector(*self._places[row["id"]]) for row in rows])

    def _vector(self, group: int, at: int) -> Floats32:
        if group not in self._vectors:
            self._vectors[group] = self._embed(self._groups[group])
        vector: Floats32 = self._vectors[group][at]
        return vector


def _identity(config: Train) -> dict[str, Any]:
    """Return everything that a vector depends on but the texts of its chunk."""
    import torch

    from labelmint.encoder.running import uses_bf16

    entry = load_entry(config.encoder, ("encoder",), "train.encoder")
    file = model_file(config.encoder, entry)
    return {
        "encoder": identity(file, entry),
        "pooling": entry.pooling,
        "prefix": entry.prefix,
        "max_tokens": config.max_tokens,
        "bf16": uses_bf16(config.precision),
        "torch": [torch.__version__, torch.cuda.is_available()],
    }
