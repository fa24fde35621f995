"""Load the catalogue's encoder: its weights under an empty head, and what turns texts into batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from labelmint.core import paths
from labelmint.core.arrays import Floats32
from labelmint.core.errors import ModelError, ParamsError
from labelmint.core.params import Train
from labelmint.core.records import Input, read_json
from labelmint.encoder.classifier import Classifier, load_encoder, load_tokenizer, most_tokens
from labelmint.encoder.data import tokenize
from labelmint.encoder.running import find_device, run, uses_bf16
from labelmint.llm.catalog import load_entry
from labelmint.llm.catalog.files import model_file

# What sentence-transformers calls the poolings.
_POOLING_KEYS = {
    "mean": "pooling_mode_mean_tokens",
    "cls": "pooling_mode_cls_token",
    "last": "pooling_mode_lasttoken",
}


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder; `base` is on `device`: a GPU if there is one. `prefix` goes before each text."""

    tokenizer: PreTrainedTokenizerBase
    device: torch.device
    base: Classifier
    prefix: str = ""

    def check_length(self, config: Train) -> None:
        """Raise `ParamsError` if the encoder has no positions for `train.max_tokens`."""
        most = most_tokens(self.base.encoder)
        if most is not None and config.max_tokens > most:
            raise ParamsError(
                f"params.yaml: train.max_tokens={config.max_tokens} is more than the {most} that "
                f"{config.encoder} can read; say train.max_tokens: {most}"
            )

    def embed(
        self, config: Train, rows: Sequence[Input], on_rows: Callable[[int], object] = lambda _: None
    ) -> Floats32:
        """Return the rows' vectors in their order, shape (rows, width), of length 1."""
        self.check_length(config)
        columns = tokenize(rows, self.tokenizer, config.max_tokens, self.prefix)
        call, bf16 = self.base.eval().features, uses_bf16(config.precision)
        return run(call, columns, self.tokenizer, self.device, bf16, on_rows)


def open_encoder(name: str, labels: int = 2) -> LoadedEncoder:
    """Load the catalogue's entry that `train.encoder` names, with a head for so many labels.

    Raise `ModelError` if the encoder is missing, altered or none.
    """
    entry = load_entry(name, ("encoder",), "train.encoder")
    folder = model_file(name, entry).parent
    encoder, tokenizer = load_encoder(folder), load_tokenizer(folder)
    if len(tokenizer) > encoder.get_input_embeddings().num_embeddings:
        raise ModelError(f"{folder}: the tokenizer has more tokens than the encoder: it is another model's")
    _check_pooling(folder, entry.pooling)
    device = find_device()
    base = Classifier(encoder, labels, entry.pooling).to(device)
    return LoadedEncoder(tokenizer, device, base, entry.prefix)


def _check_pooling(folder: Path, pooling: str) -> None:
    """Raise `ModelError` if a folder of sentence-transformers names another pooling than the catalogue."""
    modes = read_json(folder / "1_Pooling/config.json") or {}
    said = {name for name, key in _POOLING_KEYS.items() if modes.get(key)}
    if said and pooling not in said:
        raise ModelError(
            f"{folder}: 1_Pooling/config.json says pooling {' and '.join(said)}, not {pooling}; say so in "
            f"{paths.CATALOG}, `pooling: {next(iter(said))}`"
        )
