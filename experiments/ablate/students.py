"""Linear heads on the frozen encoder's vectors, trained on drawn rows and asked about the scored ones."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.special import softmax

from experiments.ablate.rows import Labels
from experiments.ablate.settings import Ablate
from labelmint.core.records import Labelled
from labelmint.encoder.linear import Floats, fit_head
from labelmint.scoring.scores import ArmPredictions, Ints


class Students:
    """Trains on rows by their ids; every seed has an order, from whose beginning all its rows are taken.

    Sets that share rows so yield mostly the same training rows, and what differs between two students of a
    seed is what differs between their sets.

    Parameters
    ----------
    config : Ablate
        The seeds.
    names : sequence of str
        The labels.
    vectors : mapping
        Candidates and real rows → their vectors, by id.
    candidates : sequence of str
        Ids of the candidates, in a fixed order.
    scored : sequence of Labelled
        The rows that the students predict.
    on_trained : callable
        Told of each student that is trained.
    """

    def __init__(
        self,
        config: Ablate,
        names: Sequence[str],
        vectors: Mapping[str, Floats],
        candidates: Sequence[str],
        scored: Sequence[Labelled],
        on_trained: Callable[[int], object] = lambda _: None,
    ) -> None:
        self.names, self.vectors, self.on_trained = list(names), vectors, on_trained
        self.scored = np.stack([vectors[row["id"]] for row in scored])
        self.truth: Ints = np.array([self.names.index(row["label"]) for row in scored], np.int64)
        self.orders = {seed: shuffled(candidates, f"{seed}:order") for seed in config.seeds}

    def predictions(
        self,
        name: str,
        sets: Sequence[tuple[int, Labels]],
        wanted: Mapping[str, int],
        real: Sequence[Labelled],
    ) -> ArmPredictions:
        """Return the predictions of one student per set, trained on real rows and `wanted` ones by label.

        Parameters
        ----------
        sets : sequence of (seed, labels)
            The rows that a student's are taken from, id → label, and the seed of their order and its folds.
        """
        probabilities = []
        for seed, labels in sets:
            rows = [*first(self.orders[seed], labels, wanted), *((row["id"], row["label"]) for row in real)]
            features = np.stack([self.vectors[row_id] for row_id, _ in rows])
            numbers = np.array([self.names.index(label) for _, label in rows], np.int64)
            weight, bias = fit_head(features, numbers, len(self.names), seed)
            probabilities.append(softmax(self.scored.astype(np.float64) @ weight.T + bias, axis=1))
            self.on_trained(1)
        return ArmPredictions(name, sum(wanted.values()) + len(real), np.stack(probabilities))


def shuffled(ids: Sequence[str], seed: str) -> list[str]:
    """Return ids in a seeded order."""
    order = list(ids)
    random.Random(seed).shuffle(order)
    return order


def first(order: Sequence[str], labels: Labels, wanted: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return the first `wanted` rows of each label, with their labels, in this order."""
    taken: Counter[str] = Counter()
    rows = []
    for row_id in order:
        label = labels.get(row_id)
        if label is not None and taken[label] < wanted[label]:
            taken[label] += 1
            rows.append((row_id, label))
    return rows


def random_rows(labels: Labels, kept: Mapping[str, int], seed: str) -> dict[str, str]:
    """Return what a rule leaves that removes rows at random: `kept` ones of each label."""
    return dict(first(shuffled(sorted(labels), seed), labels, kept))
