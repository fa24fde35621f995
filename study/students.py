"""Train on rows and predict the test inputs: `train`'s classifiers, by a recipe that is given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from stages.encoder.classifier import Classifier, export, load_encoder, load_tokenizer
from stages.encoder.data import collate, tokenize
from stages.llm.catalog import load_entry, model_file
from stages.records import Input, Labelled
from stages.train.arm import ArmTrainer, Choice, predict
from stages.train.fine_tune import planned_epochs
from study.grid import Task


class Students:
    """Classifiers of one task, all tested on its test inputs."""

    def __init__(self, task: Task) -> None:
        config = task.params.train
        entry = load_entry(config.encoder, ("encoder",), "train.encoder")
        folder = model_file(config.encoder, entry).parent
        self.config, self.names = config, task.card.label_names
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.tokenizer = load_tokenizer(folder)
        self.base = Classifier(load_encoder(folder), len(self.names)).to(self.device)
        self.inputs: Sequence[Input] = task.parts.test

    def probabilities(self, rows: Sequence[Labelled], seed: int) -> npt.NDArray[np.float64]:
        """Train on rows; return probabilities, shape (test rows, labels)."""
        collator = collate(self.tokenizer)
        labels = np.array([self.names.index(row["label"]) for row in rows], np.int64)
        train = tokenize(rows, labels, self.tokenizer, self.config.max_tokens)
        trainer = ArmTrainer(self.config, self.base, train, collator, len(self.names))
        choice = Choice(self.config.recipe, planned_epochs(self.config, len(rows)), 0, {})
        model = export(trainer.train(choice, seed).cpu(), self.names)
        test = tokenize(self.inputs, None, self.tokenizer, self.config.max_tokens)
        return predict(model, test, collator, self.config.batch_rows, self.device)
