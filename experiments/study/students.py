"""Train on rows and predict the test inputs: `train`'s classifiers, by a recipe that is given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from experiments.study.grid import Task
from labelmint.core.records import Input, Labelled
from labelmint.encoder.classifier import export
from labelmint.encoder.data import tokenize
from labelmint.encoder.opening import open_encoder
from labelmint.students.arm import ArmTrainer, Choice, predict
from labelmint.students.fine_tune import planned_epochs


class Students:
    """Classifiers of one task, all tested on its test inputs."""

    def __init__(self, task: Task) -> None:
        config = task.params.train
        self.config, self.names = config, task.card.label_names
        self.encoder = open_encoder(config.encoder, len(self.names))
        inputs: Sequence[Input] = task.parts.test
        self.test = tokenize(inputs, None, self.encoder.tokenizer, config.max_tokens)

    def probabilities(self, rows: Sequence[Labelled], seed: int) -> npt.NDArray[np.float64]:
        """Train on rows with the given recipe; return probabilities, shape (test rows, labels)."""
        choice = Choice(self.config.recipe, planned_epochs(self.config, len(rows)), 0, {})
        return self._predict(self._trainer(rows), choice, seed)

    def chosen(self, rows: Sequence[Labelled], seeds: Sequence[int]) -> tuple[npt.NDArray[np.float64], str]:
        """Choose the recipe by validation; return all seeds' probabilities (seeds, rows, labels), and it."""
        trainer = self._trainer(rows)
        choice = trainer.choose()
        return np.stack([self._predict(trainer, choice, seed) for seed in seeds]), choice.recipe

    def _trainer(self, rows: Sequence[Labelled]) -> ArmTrainer:
        labels = np.array([self.names.index(row["label"]) for row in rows], np.int64)
        train = tokenize(rows, labels, self.encoder.tokenizer, self.config.max_tokens)
        return ArmTrainer(self.config, self.encoder.base, train, self.encoder.collator, len(self.names))

    def _predict(self, trainer: ArmTrainer, choice: Choice, seed: int) -> npt.NDArray[np.float64]:
        model = export(trainer.train(choice, seed).cpu(), self.names)
        return predict(model, self.test, self.encoder.collator, self.config.batch_rows, self.encoder.device)
