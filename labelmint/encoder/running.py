"""Run a model over tokenized rows, in small batches of similar length."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase

from labelmint.core.arrays import Floats32

# Small batches of similar length have little padding; a GPU is idle between them.
_BATCH_ROWS, _GPU_BATCH_ROWS = 25, 256


def find_device() -> torch.device:
    """Return where encoders run: the first GPU if there is one, else the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    # So that cuBLAS gives the same sums each time. PyTorch looks at its first product and never again.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return torch.device("cuda")


def uses_bf16(precision: str) -> bool:
    """Return whether to compute in bfloat16: as set, or where the hardware has instructions for it."""
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
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
    batch_rows = _GPU_BATCH_ROWS if device.type == "cuda" else _BATCH_ROWS
    results = []
    # One context for all batches, no inference mode, and weights that require gradients: so autocast casts
    # them once.
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        for start in range(0, len(order), batch_rows):
            places = order[start : start + batch_rows]
            batch: Any = collator([{name: column[at] for name, column in columns.items()} for at in places])
            result = call(**{name: part.to(device) for name, part in batch.items()})
            results.append(result.float().cpu().numpy())
            on_rows(len(places))
    in_order: Floats32 = np.concatenate(results)[np.argsort(order)]
    return in_order
