"""What each rule bought: the accepted rows against as many drawn from those it would have left in.

Not against all of those: more rows teach more, whatever they are, so a rule would seem to cost what its rows'
mere number is worth. And a rule is one choice of rows: if it chose at random it would still be off the mean
of many such choices, by as much as they are off it themselves. That spread is part of every gain's interval;
without it, a rule that removes rows at random would seem to gain or cost in many a run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from statsmodels.stats.multitest import multipletests

from experiments.ablate.rows import Labels, Written
from experiments.ablate.settings import Ablate
from experiments.ablate.students import Students, random_rows
from labelmint.core.errors import DataError
from labelmint.core.params import Evaluate
from labelmint.core.records import Labelled
from labelmint.rules.select import fitting
from labelmint.scoring.bootstrap import Bootstrap, interval, two_sided_p
from labelmint.scoring.scores import ArmPredictions, Floats, accuracies

TOO_FEW = "too few to tell"
NO_LABELS = "no labels to train on"


class Ablation:
    """Compares the sets of rows of one run.

    Parameters
    ----------
    written : Written
        The candidates.
    shares : mapping
        Labels' shares, in which every training set holds them.
    students : Students
        Train and predict.
    """

    def __init__(
        self,
        config: Ablate,
        evaluate: Evaluate,
        written: Written,
        shares: Mapping[str, float],
        students: Students,
    ) -> None:
        self.config, self.evaluate, self.students = config, evaluate, students
        self.written, self.shares = written, shares
        accepted, finished = counts(written.accepted, shares), counts(written.finished, shares)
        for name in shares:
            if not accepted[name]:
                raise DataError(f"ablate: no accepted row is labelled {name!r}; run `dvc repro`")
        # A label that no text was written for, but some were judged to have: the filter made that set.
        self.whole = all(finished.values())
        both = {name: min(accepted[name], finished[name]) for name in shares} if self.whole else accepted
        self.wanted = fitting(both, shares)
        self._bootstrap = Bootstrap(
            students.truth, len(students.names), evaluate.bootstrap_samples, evaluate.seed
        )

    @property
    def rows(self) -> int:
        """Number of candidates that each training set holds, but for those with a rule's rows added."""
        return sum(self.wanted.values())

    def judged(self) -> list[str]:
        """Return the rules that removed enough rows to be judged."""
        least = max(self.config.min_rows, self.config.min_share * self.rows)
        return [rule for rule, labels in self.written.removed.items() if len(labels) >= least]

    def students_needed(self) -> int:
        """Return how many students one `compare` trains."""
        sets = 1 + (1 + self.config.draws) * (len(self.judged()) + self.whole)
        return sets * len(self.config.seeds)

    def compare(self, real: Sequence[Labelled] = ()) -> dict[str, Any]:
        """Return the accuracies and gains of all rules, and of the filter as a whole.

        Parameters
        ----------
        real : sequence of Labelled
            Rows that every training set holds besides.
        """
        own = [(seed, self.written.accepted) for seed in self.config.seeds]
        base = self.students.predictions("base", own, self.wanted, real)
        judged = self.judged()
        rules: list[dict[str, Any]] = []
        for rule, removed in self.written.counts.items():
            entry: dict[str, Any] = {"rule": rule, "removed": removed, "note": ""}
            if rule in judged:
                larger = {**self.written.accepted, **self.written.removed[rule]}
                entry |= self._without(base, larger, real)
            else:
                entry["note"] = TOO_FEW if removed == len(self.written.removed[rule]) else NO_LABELS
            rules.append(entry)
        adjust([entry["gain"] for entry in rules if "gain" in entry])
        whole = self._without(base, self.written.finished, real) if self.whole else {"note": NO_LABELS}
        return {
            "base": {"rows": base.train_rows, "accuracy": self._accuracy(base)},
            "rules": rules,
            "filter": {"removed": sum(self.written.counts.values()), "note": "", **whole},
        }

    def _without(self, base: ArmPredictions, larger: Labels, real: Sequence[Labelled]) -> dict[str, Any]:
        """Return what training on a larger set comes to, on all of it and on as many rows as `base` has."""
        seeds, draws = self.config.seeds, self.config.draws
        everything = fitting(counts(larger, self.shares), self.shares)
        all_rows = [(seed, larger) for seed in seeds]
        without = self.students.predictions("without", all_rows, everything, real)
        kept = counts(self.written.accepted, self.shares)
        left = [
            (seed, random_rows(larger, kept, f"{seed}:{draw}")) for seed in seeds for draw in range(draws)
        ]
        random_subset = self.students.predictions("random", left, self.wanted, real)
        chance = self._chance(random_subset)
        return {
            "without_rule": {"rows": without.train_rows, "accuracy": self._accuracy(without)},
            "random_subset": {"rows": random_subset.train_rows, "accuracy": self._accuracy(random_subset)},
            "gain": self._gain(base, random_subset, chance),
            "gain_over_all": self._gain(base, without, chance),
        }

    def _chance(self, random_subset: ArmPredictions) -> Floats:
        """Return by how much one random choice of rows is off, resampled by Student's t, as draws are few."""
        by_seed = self._by_student(random_subset).reshape(len(self.config.seeds), self.config.draws)
        spread = float(np.sqrt(by_seed.var(axis=1, ddof=1).mean()))
        freedom = len(self.config.seeds) * (self.config.draws - 1)
        return spread * np.random.default_rng(self.evaluate.seed).standard_t(
            freedom, self.evaluate.bootstrap_samples
        )

    def _accuracy(self, arm: ArmPredictions) -> dict[str, float]:
        return {"mean": round(self._mean(arm), 4), **interval(self._bootstrap.accuracy(arm))}

    def _gain(self, one: ArmPredictions, other: ArmPredictions, chance: Floats) -> dict[str, float]:
        differences = self._bootstrap.difference(one, other) + chance
        return {
            "accuracy": round(self._mean(one) - self._mean(other), 4),
            **interval(differences),
            "p_value": two_sided_p(differences),
        }

    def _mean(self, arm: ArmPredictions) -> float:
        return float(self._by_student(arm).mean())

    def _by_student(self, arm: ArmPredictions) -> Floats:
        truth = self.students.truth
        return accuracies(arm.predicted, truth, np.ones((1, len(truth))))[:, 0]


def counts(labels: Labels, names: Mapping[str, float]) -> dict[str, int]:
    """Return the number of rows of each label."""
    own = Counter(labels.values())
    return {name: own[name] for name in names}


def adjust(gains: Sequence[dict[str, float]]) -> None:
    """Add each gain's p-value as Holm's method corrects it: of many rules, one seems to gain by chance."""
    if gains:
        adjusted = multipletests([gain["p_value"] for gain in gains], method="holm")[1]
        for gain, value in zip(gains, adjusted, strict=True):
            gain["p_adjusted"] = round(float(value), 5)
