"""Types of arrays, whose shapes docstrings say, and labels as numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]  # logits, hidden states, vectors of texts
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def numbers_of(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Ints:
    """Return the rows' labels as places in `names`, shape (rows,)."""
    return np.array([names.index(row["label"]) for row in rows], np.int64)
