"""Vectors of rows by the frozen encoder, for the rules that compare meanings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from stages.encoder.embedding import embed_rows
from stages.params import Train
from stages.progress import progress
from stages.records import Input

Vectors = npt.NDArray[np.float32]
Embed = Callable[[Sequence[Input]], Vectors]


class Embedder:
    """Embeds each row once.

    Parameters
    ----------
    config : Train
        Names the encoder.
    known : mapping
        Vectors by row id that there are already.
    """

    def __init__(self, config: Train, known: Mapping[str, Vectors]) -> None:
        self.config, self.known = config, dict(known)

    def __call__(self, rows: Sequence[Input]) -> Vectors:
        """Return the rows' vectors, shape (rows, width), of length 1."""
        new = [row for row in rows if row["id"] not in self.known]
        if new:
            with progress(len(new), "embed", "texts") as bar:
                vectors = embed_rows(self.config, new, bar.update)
            self.known |= {row["id"]: own for row, own in zip(new, vectors, strict=True)}
        return np.stack([self.known[row["id"]] for row in rows]) if rows else np.zeros((0, 0), np.float32)


def no_vectors(rows: Sequence[Input]) -> Vectors:
    """Refuse: for callers whose settings have no rule that needs vectors."""
    raise ValueError("these filter settings need vectors; give an Embedder")
