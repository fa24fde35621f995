"""What each rule gained: the accepted rows against as many drawn from those that it would have left in.

Not against all of those: more rows teach more, whatever they are, so a rule would seem to cost what its rows'
mere number is worth. And a rule is one choice of rows: if it chose at random it would still be off the mean
of many such choices, by as much as they are off it themselves. That spread is part of every gain's interval;
without it, a rule that removes rows at random would seem to gain or cost in many a run.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from experiments.ablate.sets import DRAWS, SEEDS, Candidates, Labels
from labelmint.core.arrays import Floats, Floats32, numbers_of
from labelmint.core.errors import DataError
from labelmint.core.params import Evaluate
from labelmint.core.records import Labelled
from labelmint.encoder.linear import fit_head
from labelmint.rules.select import fitting
from labelmint.scoring.bootstrap import Bootstrap, adjust, interval, two_sided_p
from labelmint.scoring.scores import ArmPredictions

# Rules that removed fewer rows, or a smaller share of the rows to train on, aren't compared.
MIN_ROWS, MIN_SHARE = 20, 0.01
TOO_FEW = "too few to tell"
NO_LABELS = "no labels to train on"


class HeadTrainer:
    """Trains linear heads on rows by their ids, and predicts the scored rows.

    Every seed has an order of the candidates, from whose beginning all its rows are taken: sets that share
    rows yield mostly the same training rows, and two heads of a seed differ by what differs between their
    sets. `vectors` has those of candidates and real rows, by id.
    """

    def __init__(
        self,
        names: Sequence[str],
        vectors: Mapping[str, Floats32],
        candidate_ids: Sequence[str],
        scored: Sequence[Labelled],
        on_trained: Callable[[int], object] = lambda _: None,
    ) -> None:
        self.names, self.vectors, self.on_trained = list(names), vectors, on_trained
        self.scored = np.stack([vectors[row["id"]] for row in scored])
        self.truth = numbers_of(scored, self.names)
        self.orders = {seed: shuffled(candidate_ids, f"{seed}:order") for seed in SEEDS}

    def predictions(
        self,
        name: str,
        sets: Sequence[tuple[int, Labels]],
        wanted: Mapping[str, int],
        real: Sequence[Labelled],
    ) -> ArmPredictions:
        """Train one head per set (seed, labels) on `wanted` rows by label and the real ones, and predict."""
        probabilities = []
        for seed, labels in sets:
            rows = [*first(self.orders[seed], labels, wanted), *((row["id"], row["label"]) for row in real)]
            features = np.stack([self.vectors[row_id] for row_id, _ in rows])
            numbers = np.array([self.names.index(label) for _, label in rows], np.int64)
            weight, bias = fit_head(features, numbers, len(self.names), seed)
            probabilities.append(softmax(self.scored.astype(np.float64) @ weight.T + bias, axis=1))
            self.on_trained(1)
        return ArmPredictions(name, sum(wanted.values()) + len(real), np.stack(probabilities))


class Ablation:
    """Compares the sets of candidates of one run; every training set has the labels in `shares`."""

    def __init__(
        self,
        evaluate: Evaluate,
        candidates: Candidates,
        shares: Mapping[str, float],
        trainer: HeadTrainer,
    ) -> None:
        self.evaluate, self.trainer = evaluate, trainer
        self.candidates, self.shares = candidates, shares
        self.accepted, finished = (
            count_labels(labels, shares) for labels in (candidates.accepted, candidates.finished)
        )
        for name in shares:
            if not self.accepted[name]:
                raise DataError(f"ablate: no accepted row is labelled {name!r}; run `dvc repro`")
        # Without a finished text written for each label there is nothing to compare the whole filter with.
        self.whole = all(finished.values())
        least = {name: min(self.accepted[name], finished[name]) for name in shares}
        most = least if self.whole else self.accepted
        self.wanted = {name: min(wanted, most[name]) for name, wanted in fitting(most, shares).items()}
        self._bootstrap = Bootstrap(
            trainer.truth, len(trainer.names), evaluate.bootstrap_samples, evaluate.seed
        )

    def compared(self) -> list[str]:
        """Return the rules that removed enough rows to be compared."""
        rows = sum(self.wanted.values())
        least = max(MIN_ROWS, MIN_SHARE * rows)
        return [rule for rule, labels in self.candidates.removed.items() if len(labels) >= least]

    def students_needed(self) -> int:
        """Return how many students one `compare` trains."""
        sets = 1 + (1 + DRAWS) * (len(self.compared()) + self.whole)
        return sets * len(SEEDS)

    def compare(self, real: Sequence[Labelled] = ()) -> dict[str, Any]:
        """Return accuracies and gains of all rules and of the whole filter; `real` rows are in all sets."""
        candidates, compared = self.candidates, self.compared()
        accepted = [(seed, candidates.accepted) for seed in SEEDS]
        base = self.trainer.predictions("base", accepted, self.wanted, real)
        rules: list[dict[str, Any]] = []
        for rule, removed in candidates.counts.items():
            entry: dict[str, Any] = {"rule": rule, "removed": removed, "note": ""}
            if rule in compared:
                entry |= self._without(base, {**candidates.accepted, **candidates.removed[rule]}, real)
            else:
                entry["note"] = TOO_FEW if removed == len(candidates.removed[rule]) else NO_LABELS
            rules.append(entry)
        adjust([entry["gain"] for entry in rules if "gain" in entry])
        whole = self._without(base, candidates.finished, real) if self.whole else {"note": NO_LABELS}
        return {
            "base": self._score(base),
            "rules": rules,
            "filter": {"removed": sum(candidates.counts.values()), "note": "", **whole},
        }

    def _without(self, base: ArmPredictions, larger: Labels, real: Sequence[Labelled]) -> dict[str, Any]:
        """Score training on a larger set, on all of it and on as many rows as `base` has."""
        everything = fitting(count_labels(larger, self.shares), self.shares)
        without = self.trainer.predictions("without", [(seed, larger) for seed in SEEDS], everything, real)
        # What a rule leaves that removes as many rows at random.
        ids = sorted(larger)
        left = [
            (seed, dict(first(shuffled(ids, f"{seed}:{draw}"), larger, self.accepted)))
            for seed in SEEDS
            for draw in range(DRAWS)
        ]
        random_subset = self.trainer.predictions("random", left, self.wanted, real)
        chance = self._chance(random_subset)
        return {
            "without_rule": self._score(without),
            "random_subset": self._score(random_subset),
            "gain": self._gain(base, random_subset, chance),
            "gain_over_all": self._gain(base, without, chance),
        }

    def _chance(self, random_subset: ArmPredictions) -> Floats:
        """Return by how much one random choice of rows is off, resampled by Student's t, as draws are few."""
        by_seed = self._bootstrap.by_seed(random_subset).reshape(len(SEEDS), DRAWS)
        spread = float(np.sqrt(by_seed.var(axis=1, ddof=1).mean()))
        draw = np.random.default_rng(self.evaluate.seed)
        return spread * draw.standard_t(len(SEEDS) * (DRAWS - 1), self.evaluate.bootstrap_samples)

    def _score(self, arm: ArmPredictions) -> dict[str, Any]:
        accuracy = {"mean": round(self._bootstrap.mean(arm), 4), **interval(self._bootstrap.scores(arm))}
        return {"rows": arm.train_rows, "accuracy": accuracy}

    def _gain(self, one: ArmPredictions, other: ArmPredictions, chance: Floats) -> dict[str, float]:
        differences = self._bootstrap.difference(one, other) + chance
        return {
            "accuracy": round(self._bootstrap.mean(one) - self._bootstrap.mean(other), 4),
            **interval(differences),
            "p_value": two_sided_p(differences),
        }


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


def count_labels(labels: Labels, names: Mapping[str, float]) -> dict[str, int]:
    """Return the number of rows of each label."""
    counts = Counter(labels.values())
    return {name: counts[name] for name in names}
