"""The rules of judgement: they look at all accepted rows together, as labelled by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from labelmint.core.params import Filter
from labelmint.core.records import Candidate, Labelled
from labelmint.encoder.vectors import Floats
from labelmint.rules.label_issues import Ints, label_issues
from labelmint.rules.outliers import outliers
from labelmint.rules.profiles import dynamics
from labelmint.rules.sieve import Evidence, Sieve, Verdict, vectors_of


class Judgement:
    """The rules, over one sieve; each sees the rows that the one before left standing."""

    def __init__(
        self,
        sieve: Sieve,
        config: Filter,
        names: Sequence[str],
        train: Sequence[Labelled],
        labels: Mapping[str, str],
    ) -> None:
        self.sieve, self.config, self.names, self.train = sieve, config, list(names), train
        self.labels = labels
        vectors = vectors_of(sieve)
        self.real_vectors = vectors.of(train)
        self.real_labels = np.array([self.names.index(row["label"]) for row in train], np.int64)
        self.vectors = vectors

    def apply(self) -> None:
        """Apply those of label_issue, outlier and profile that are switched on; note the profiles."""
        rules = self.config.rules
        if rules.label_issue:
            self.label_issue()
        if rules.outlier:
            self.outlier()
        if rules.profile:
            self.profile()

    def label_issue(self) -> None:
        """Reject rows of which a classifier trained on the others says that they are labelled wrong."""
        vectors, labels = self._standing()
        found = label_issues(
            vectors,
            labels,
            self.real_vectors,
            self.real_labels,
            self.names,
            self.config.label_quality,
            self.config.seed,
        )
        self._reject("label_issue", found)

    def outlier(self) -> None:
        """Reject rows that are like no real row."""
        vectors, _ = self._standing()
        found = outliers(vectors, self.train, self.real_vectors, self.config.outlier_quantile)
        self._reject("outlier", found)

    def profile(self) -> None:
        """Note how each row is learnt; reject the profiles that are not wanted."""
        vectors, labels = self._standing()
        if not len(vectors):
            return
        # The real rows are trained on too: they steady the head, and are no news to it.
        every = np.concatenate([vectors, self.real_vectors]) if self.train else vectors
        targets = np.concatenate([labels, self.real_labels])
        seen = dynamics(every, targets, len(self.names), self.config.seed, len(vectors))
        found: dict[int, Evidence] = {}
        for place, (row, note) in enumerate(zip(self.sieve.standing, seen.notes(), strict=True)):
            self.sieve.notes[row["id"]] = note
            if note["profile"] not in self.config.profiles:
                found[place] = dict(note)
        self._reject("profile", found)

    def _standing(self) -> tuple[Floats, Ints]:
        rows = self.sieve.standing
        labels = np.array([self.names.index(self.labels[row["id"]]) for row in rows], np.int64)
        return self.vectors.of(rows), labels

    def _reject(self, rule: str, found: Mapping[int, Evidence]) -> None:
        def judge(place: int, _: Candidate) -> Verdict | None:
            return (rule, found[place]) if place in found else None

        self.sieve.apply(judge)
