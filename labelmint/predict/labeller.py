"""A trained classifier that labels texts, in batches of texts of similar length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging as transformers_logging

from labelmint.core.errors import ModelError
from labelmint.core.records import Input
from labelmint.encoder.data import collate, length_batches, tokenize
from labelmint.predict.items import Item


class Labeller:
    """A classifier's folder, opened; on the GPU if there is one.

    Parameters
    ----------
    folder : Path
        models/<arm>, an exported one, or any single-label classifier that transformers opens.
    batch_rows : int
        Texts that go through the classifier at once.

    Raises
    ------
    ModelError
        If the folder holds no such classifier.
    """

    def __init__(self, folder: Path, batch_rows: int) -> None:
        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()
        if not (folder / "config.json").is_file():  # transformers would look for the name on the hub
            raise ModelError(f"{folder}: no classifier: it has no config.json; name the folder of one")
        try:
            model: Any = AutoModelForSequenceClassification.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True
            )
            self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:
            # transformers, tokenizers and safetensors each raise what they like of a damaged folder.
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(f"{folder}: can't be opened as a classifier: {said}") from error
        config = model.config
        if config.problem_type not in (None, "single_label_classification") or config.num_labels < 2:
            raise ModelError(f"{folder}: not a classifier that gives each text one label of several")
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model.to(self.device).eval()
        self.names = [str(config.id2label[number]) for number in range(config.num_labels)]
        # Where training cut; a tokenizer that wasn't told says 1e30.
        positions = getattr(config, "max_position_embeddings", self.tokenizer.model_max_length)
        self.max_tokens = int(min(self.tokenizer.model_max_length, positions))
        self.batch_rows = batch_rows
        self.collator = collate(self.tokenizer)

    @torch.inference_mode()
    def probabilities(self, items: Sequence[Item]) -> npt.NDArray[np.float64]:
        """Return the labels' probabilities, shape (items, labels), in the order of the items."""
        rows = tokenize([_input(item) for item in items], None, self.tokenizer, self.max_tokens)
        result = np.empty((len(items), len(self.names)))
        for indices in length_batches(rows, self.batch_rows):
            padded: Any = self.collator(rows.features(indices))
            batch = {name: part.to(self.device) for name, part in padded.items()}
            result[indices] = torch.softmax(self.model(**batch).logits.double(), dim=-1).cpu().numpy()
        return result


def _input(item: Item) -> Input:
    row = Input(id="", text=_encodable(item.text))
    if item.text_pair is not None:
        row["text_pair"] = _encodable(item.text_pair)
    return row


def _encodable(text: str) -> str:
    """Return the text without the lone surrogates that JSON can hold and tokenizers can't."""
    return text.encode("utf-8", "replace").decode("utf-8")
