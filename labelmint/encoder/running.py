"""Run a model over tokenized rows, in small batches of similar length."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase

from labelmint.core.arrays import Floats32

# Small batches of similar length have little padding.
_BATCH_ROWS = 25


def uses_bf16(precision: str) -> bool:
    """Return whether to compute in bfloat16: as set, or where the hardware has instructions for it."""
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def run(
    call: Callable[..., Tensor],
    columns: Mapping[str, Sequence[list[int]]],
    tokenizer: PreTrainedTokenizerBase,
    device: torch.device,
    bf16: bool,
    on_rows: Callable[[int], object] = lambda _: None,
) -> Floats32:
    """Return what `call` gives for each row, in the rows' order, shape (rows, width of its output).

    `columns` are those of `tokenize`.
    """
    collator = DataCollatorWithPadding(tokenizer)
    order = np.argsort([len(tokens) for tokens in columns["input_ids"]], kind="stable")
    results = []
    # One context for all batches, no inference mode, and weights that require gradients: so autocast casts
    # them once.
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        for start in range(0, len(order), _BATCH_ROWS):
            places = order[start : start + _BATCH_ROWS]
            batch: Any = collator([{name: column[at] for name, column in columns.items()} for at in places])
            result = call(**{name: part.to(device) for name, part in batch.items()})
            results.append(result.float().cpu().numpy())
            on_rows(len(places))
    in_order: Floats32 = np.concatenate(results)[np.argsort(order)]
    return in_order
