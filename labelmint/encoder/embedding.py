"""Turn tokenized rows into vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import DataCollatorWithPadding

from labelmint.encoder.classifier import Classifier
from labelmint.encoder.data import Rows, length_batches

Floats = npt.NDArray[np.float32]


@torch.no_grad()
def embed(
    model: Classifier,
    rows: Rows,
    collator: DataCollatorWithPadding,
    batch_rows: int,
    on_rows: Callable[[int], object] = lambda _: None,
    *,
    bf16: bool = False,
) -> Floats:
    """Return the features of rows, shape (rows, width), in the rows' order."""
    model.eval()
    device = next(model.parameters()).device
    out = np.zeros((len(rows), model.width), np.float32)
    for indices in length_batches(rows, batch_rows):
        batch: Any = collator(rows.features(indices))
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            features = model.features(**{name: part.to(device) for name, part in batch.items()})
        out[indices] = features.float().cpu().numpy()
        on_rows(len(indices))
    return out
