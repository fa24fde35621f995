"""Vectors for the rules of judgement: each label has a direction, and texts lie around it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmint.core.records import Input

WIDTH = 8


def unit(vectors: Any) -> npt.NDArray[np.float32]:
    """Return the rows at length 1."""
    whole = np.asarray(vectors, np.float64)
    return (whole / np.linalg.norm(whole, axis=1, keepdims=True)).astype(np.float32)


def around(directions: Sequence[int], spread: float = 0.15, seed: int = 0) -> npt.NDArray[np.float32]:
    """Return a vector near each of these axes."""
    draw = np.random.default_rng(seed)
    return unit(np.eye(WIDTH)[list(directions)] + draw.normal(0, spread, (len(directions), WIDTH)))


def embedder(axes: Mapping[str, int]) -> Callable[[Sequence[Input]], npt.NDArray[np.float32]]:
    """Return embed(rows): each row near its axis, by id, and the same vector every time."""

    def embed(rows: Sequence[Input]) -> npt.NDArray[np.float32]:
        own = [around([axes[row["id"]]], seed=zlib.crc32(row["id"].encode())) for row in rows]
        return np.concatenate(own) if own else np.zeros((0, WIDTH), np.float32)

    return embed
