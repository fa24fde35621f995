"""Toy runs: candidates whose vectors tell their true label, and rules that removed some of them."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.ablate import __main__, gains, sets
from experiments.ablate.gains import Ablation, HeadTrainer
from experiments.ablate.sets import sort_candidates
from tests.builders import candidate, labelled, section

NAMES = ["negative", "positive"]
SHARES = dict.fromkeys(NAMES, 0.5)


@pytest.fixture(autouse=True)
def set_constants(constants):
    """Return what changes constants of the ablation, which has two seeds here."""
    change = constants(__main__, gains, sets)
    change(SEEDS=(1, 2))
    return change


def kept(number, label, judged=None, scores=None):
    """Return a kept row that was written for `label`."""
    row = candidate(number, f"text {number}", label)
    return {**row, "judged_label": judged or label, "label_scores": scores}


def rejected(number, rule, label="negative", scores=None, **changes):
    row = candidate(number, f"text {number}", label, **changes)
    return {**row, "rule": rule, "evidence": {}, "label_scores": scores}


class Toy:
    """A run whose vectors say the true label, with noise; `wrong` rows say the other one than they bear."""

    def __init__(self, seed=0):
        self.draw = np.random.default_rng(seed)
        self.kept, self.rejected, self.vectors = [], [], {}

    def add(self, rows, rule="", wrong=0.0):
        """Write rows of both labels in turn, rejected by a rule or kept; `wrong`: share with wrong labels."""
        for _ in range(rows):
            number = len(self.vectors)
            label = number % 2
            row = rejected(number, rule, NAMES[label]) if rule else kept(number, NAMES[label])
            (self.rejected if rule else self.kept).append(row)
            self.vectors[row["id"]] = self.vector(1 - label if self.draw.random() < wrong else label)
        return self

    def vector(self, label):
        vector = self.draw.normal(size=12)
        vector[0] += 1.2 if label else -1.2
        return vector.astype(np.float32)

    def real(self, rows, prefix):
        """Return real rows of both labels in turn."""
        made = [
            {**labelled(NAMES[number % 2], number), "id": f"{prefix}{number:06d}"} for number in range(rows)
        ]
        self.vectors |= {row["id"]: self.vector(NAMES.index(row["label"])) for row in made}
        return made

    def ablation(self, scored=400, on_trained=lambda _: None):
        candidates = sort_candidates(self.kept, self.rejected)
        ids = [row["id"] for row in candidates.rows]
        trainer = HeadTrainer(NAMES, self.vectors, ids, self.real(scored, "r"), on_trained)
        return Ablation(section("evaluate", bootstrap_samples=200), candidates, SHARES, trainer)
