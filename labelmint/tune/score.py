"""How good a setting's texts are: whether they are told from real rows, and whether they can be used.

The discriminator is that of a classifier two-sample test (Lopez-Paz & Oquab 2017); as in MALLM-GAN (Ling et
al. 2024, arXiv 2406.10521), the prompt is what its score improves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from labelmint.encoder.vectors import Floats as Vectors

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_FOLDS, _SAMPLES = 5, 2000
_C = 10.0  # as in describe/fidelity.py: on vectors of length 1 the default is too tight


@dataclass(frozen=True)
class Outcome:
    """What a setting's texts of one round are like.

    Attributes
    ----------
    agreed, accepted : float
        Shares of the texts written that score best under their own label, and that pass the filter's rules.
    usable, finished : shape (prompts,)
        How many texts of each prompt are both, and how many ended: the prompts are the units of chance.
    above : shape (prompts, real rows)
        How many of a prompt's finished texts look more as if written than the real row does; ties are half.
    """

    texts: int
    seconds: float
    agreed: float
    accepted: float
    usable: Floats
    finished: Floats
    above: Floats

    @property
    def auc(self) -> float:
        """How well texts are told from real rows: 0.5 is chance, 1 always."""
        return float(self._auc(*map(_once, self.above.shape))[0])

    @property
    def score(self) -> float:
        """The usable share times 2 · (1 - AUC), which is 1 where texts can't be told from real rows."""
        return float(self._score(*map(_once, self.above.shape))[0])

    @property
    def both(self) -> float:
        """The usable share: agreed and accepted."""
        return float(self.usable.sum() / self.texts)

    @property
    def texts_per_minute(self) -> float:
        """How quickly they were written."""
        return 60 * self.texts / max(self.seconds, 1e-3)

    def auc_interval(self) -> tuple[float, float]:
        """Return the AUC's 95 % bootstrap interval over prompts and real rows."""
        return _interval(self._auc(*self._drawn()))

    def gain_interval(self, other: Outcome) -> tuple[float, float]:
        """Return the interval of the difference in score to another setting of the round.

        It is paired: prompts of the same number have the same label and random draws.
        """
        weights = self._drawn()
        return _interval(self._score(*weights) - other._score(*weights))

    def _auc(self, prompts: Floats, rows: Floats) -> Floats:
        """Return the AUC by weights of shapes (samples, prompts) and (samples, real rows)."""
        pairs = (prompts @ self.finished) * rows.sum(axis=1)
        above = ((prompts @ self.above) * rows).sum(axis=1)
        return np.where(pairs > 0, above / np.maximum(pairs, 1), 1.0)

    def _score(self, prompts: Floats, rows: Floats) -> Floats:
        usable = prompts @ self.usable / self.texts
        return np.asarray(usable * np.clip(2 * (1 - self._auc(prompts, rows)), 0, 1))

    def _drawn(self) -> list[Floats]:
        draw = np.random.default_rng(1)
        return [
            draw.multinomial(count, np.full(count, 1 / count), _SAMPLES).astype(float)
            for count in self.above.shape
        ]


def _once(count: int) -> Floats:
    return np.ones((1, count))


def _interval(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def discriminate(texts: Vectors, real: Vectors, prompts: Sequence[int], seed: int) -> Floats:
    """Return where a classifier finds a text more as if written than a real row; ties are half.

    It has seen neither, nor a text of the same prompt. Fewer than five prompts are always told.

    Returns
    -------
    array of shape (texts, real rows)
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
