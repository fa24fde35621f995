"""Save a classifier as a folder that is either whole or not there."""

from __future__ import annotations

import shutil
from pathlib import Path

from transformers import BertForSequenceClassification, PreTrainedTokenizerBase


def save_model(
    model: BertForSequenceClassification, tokenizer: PreTrainedTokenizerBase, folder: Path, max_tokens: int
) -> None:
    """Write model and tokenizer beside `folder`, then take its place."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        model.save_pretrained(temporary)
        # So that `truncation=True` in a pipeline cuts where training did.
        tokenizer.model_max_length = max_tokens
        tokenizer.save_pretrained(temporary)
        for file in temporary.iterdir():
            file.chmod(0o644)  # safetensors makes its file private
        shutil.rmtree(folder, ignore_errors=True)
        temporary.replace(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
