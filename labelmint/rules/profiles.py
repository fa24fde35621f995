"""How rows are learnt: easy, ambiguous or hard, from a linear head's training.

Dataset cartography (Swayamdipta et al. 2020) and Data-IQ (Seedat et al. 2022): while a classifier trains, the
probability that it gives to each row's label is noted after every epoch. Rows that it is soon sure of are
easy, rows that it stays sure to be labelled otherwise are hard, all others ambiguous.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from labelmint.core.arrays import Floats, Floats32, Ints
from labelmint.core.records import Profile

# As in Data-IQ: sure from 0.75 on, of the other label up to 0.25, and in both cases steadily so.
_SURE = 0.75
_STEADY = 50
_EPOCHS = 10
# At most so many rows a step, and at least so many steps an epoch: few rows are to be learnt as far as many.
_BATCH_ROWS, _EPOCH_STEPS = 64, 30
_LEARNING_RATE = 0.05


@dataclass(frozen=True)
class Dynamics:
    """Of each row's label, over the epochs: mean probability, mean p (1 - p), standard deviation of p."""

    confidence: Floats
    uncertainty: Floats
    variability: Floats

    def profiles(self) -> list[str]:
        """Return each row's profile, by Data-IQ's rule."""
        steady = self.uncertainty <= np.percentile(self.uncertainty, _STEADY)
        easy, hard = steady & (self.confidence >= _SURE), steady & (self.confidence <= 1 - _SURE)
        return list(np.where(easy, "easy", np.where(hard, "hard", "ambiguous")).tolist())

    def notes(self) -> list[Profile]:
        """Return what is noted of each row."""
        parts = zip(self.profiles(), self.confidence, self.variability, strict=True)
        return [
            Profile(profile=profile, confidence=round(float(mean), 4), variability=round(float(sd), 4))
            for profile, mean, sd in parts
        ]


def dynamics(vectors: Floats32, labels: Ints, count: int, seed: int, rows: int) -> Dynamics:
    """Train a linear head on all rows; return the dynamics of the first `rows` of them.

    The others, real ones, only steady the head.
    """
    epochs = train_by_epochs(vectors, labels, count, seed, rows)
    by_epoch = np.stack([probabilities[np.arange(rows), labels[:rows]] for probabilities in epochs])
    return Dynamics(by_epoch.mean(axis=0), (by_epoch * (1 - by_epoch)).mean(axis=0), by_epoch.std(axis=0))


def train_by_epochs(vectors: Floats32, labels: Ints, count: int, seed: int, rows: int) -> list[Floats]:
    """Return the probabilities of the first `rows`, shape (rows, labels), after each epoch."""
    order = torch.Generator().manual_seed(seed)
    inputs, targets = torch.from_numpy(np.ascontiguousarray(vectors)), torch.from_numpy(labels)
    # Zeros: before the first step every label is as probable.
    weight = torch.zeros(count, inputs.shape[1], requires_grad=True)
    bias = torch.zeros(count, requires_grad=True)
    optimizer = torch.optim.Adam([weight, bias], lr=_LEARNING_RATE)
    size = max(1, min(_BATCH_ROWS, len(inputs) // _EPOCH_STEPS))
    probabilities = []
    for _ in range(_EPOCHS):
        for batch in torch.randperm(len(inputs), generator=order).split(size):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            logits = torch.nn.functional.linear(inputs[batch], weight, bias)
            torch.nn.functional.cross_entropy(logits, targets[batch]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.no_grad():
            logits = torch.nn.functional.linear(inputs[:rows], weight, bias)
            probabilities.append(torch.softmax(logits.double(), dim=1).numpy())
    return probabilities
