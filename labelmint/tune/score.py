"""How good a setting's texts are: whether they are told from real rows, and whether they can be used.

The discriminator is that of a classifier two-sample test (Lopez-Paz & Oquab 2017); as in MALLM-GAN (Ling et
al. 2024, arXiv 2406.10521), the prompt is what its score improves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from labelmint.core.arrays import Bools, Floats, Floats32
from labelmint.core.records import Candidate
from labelmint.tune.settings import TEXTS_PER_PROMPT

_FOLDS, _SAMPLES = 5, 2000
_C = 10.0  # as in describe/fidelity.py: on vectors of length 1 the default is too tight


@dataclass(frozen=True)
class Outcome:
    """What a setting's texts of one round are like."""

    texts: int
    seconds: float
    # Shares of the texts written that score best under their own label, pass the filter's rules, and both.
    agreed: float
    accepted: float
    both: float
    # The AUC, then those of bootstrap samples, shape (1 + samples,): how well texts are told from real rows,
    # 0.5 is chance, 1 always.
    aucs: Floats
    # Likewise the score: `both` times 2 · (1 - AUC), which is 1 for texts that aren't told.
    scores: Floats
    rows: Sequence[Candidate] = ()  # the texts
    label_scores: Mapping[str, Floats] = field(default_factory=dict)  # of those that can be scored, by id

    @property
    def auc(self) -> float:
        """How well texts are told from real rows."""
        return float(self.aucs[0])

    @property
    def score(self) -> float:
        """How good the setting is, from 0 to 1."""
        return float(self.scores[0])

    @property
    def texts_per_minute(self) -> float:
        """How quickly they were written."""
        return 60 * self.texts / max(self.seconds, 1e-3)

    def auc_interval(self) -> tuple[float, float]:
        """Return the AUC's 95 % interval."""
        return _interval(self.aucs[1:])

    def gain_interval(self, other: Outcome) -> tuple[float, float]:
        """Return the 95 % interval of the difference in score to another setting of the round.

        It is paired: prompts of the same number have the same label and random draws.
        """
        return _interval(self.scores[1:] - other.scores[1:])


def outcome_of(agreed: Bools, accepted: Bools, finished: Bools, above: Floats, seconds: float) -> Outcome:
    """Return a round's outcome, with a bootstrap over prompts and real rows, the units of chance.

    `agreed`, `accepted` and `finished`, shape (texts,), are in the order of the prompts; `above`, shape
    (texts, real rows), is by `discriminate`, and 0 for texts that aren't finished.
    """
    texts, real = above.shape
    draw = np.random.default_rng(1)
    prompts, rows = (
        np.vstack([np.ones(count), draw.multinomial(count, np.full(count, 1 / count), _SAMPLES)])
        for count in (texts // TEXTS_PER_PROMPT, real)
    )
    weights = np.repeat(prompts, TEXTS_PER_PROMPT, axis=1)
    pairs = (weights @ finished) * rows.sum(axis=1)
    aucs = np.where(pairs > 0, ((weights @ above) * rows).sum(axis=1) / np.maximum(pairs, 1), 1.0)
    both = weights @ (agreed & accepted) / texts
    return Outcome(
        texts=texts,
        seconds=seconds,
        agreed=float(agreed.mean()),
        accepted=float(accepted.mean()),
        both=float(both[0]),
        aucs=aucs,
        scores=both * np.clip(2 * (1 - aucs), 0, 1),
    )


def _interval(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def discriminate(texts: Floats32, real: Floats32, prompts: Sequence[int], seed: int) -> Floats:
    """Return where a classifier finds a text more as if written than a real row, shape (texts, real rows).

    Ties are half. It has seen neither, nor a text of the same prompt. Fewer than five prompts are all told.
    """
    if len({*prompts}) < _FOLDS:
        return np.ones((len(texts), len(real)))
    labels = np.repeat([0, 1], [len(real), len(texts)])
    groups = [*range(-len(real), 0), *prompts]
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    model = LogisticRegression(C=_C, class_weight="balanced", max_iter=1000)
    # The BLAS's threads wait for each other in these small products.
    with threadpool_limits(1):
        written = cross_val_predict(
            model, np.concatenate([real, texts]), labels, groups=groups, cv=folds, method="decision_function"
        )
    return np.asarray((np.sign(written[len(real) :, None] - written[: len(real)]) + 1) / 2)
