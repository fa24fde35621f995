"""Load the catalogue's encoder: its weights under an empty head, and what turns texts into batches."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase

from labelmint.encoder.classifier import Classifier, load_encoder, load_tokenizer
from labelmint.encoder.data import collate
from labelmint.llm.catalog import load_entry, model_file


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder; `base` is on `device`: a GPU if there is one."""

    tokenizer: PreTrainedTokenizerBase
    collator: DataCollatorWithPadding
    device: torch.device
    base: Classifier


def open_encoder(name: str, labels: int) -> LoadedEncoder:
    """Load the catalogue's entry that `train.encoder` names, with a head for so many labels.

    Raises
    ------
    ModelError
        If the encoder is missing, altered or of an unknown kind.
    """
    folder = model_file(name, load_entry(name, ("encoder",), "train.encoder")).parent
    tokenizer = load_tokenizer(folder)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    base = Classifier(load_encoder(folder), labels).to(device)
    return LoadedEncoder(tokenizer, collate(tokenizer), device, base)
