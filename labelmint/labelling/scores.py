"""Label scores: the log-probability of each label of a text, by the language model.

Scores are centred (Zhao et al. 2021 calibrate the same way, on content-free inputs; here on the candidates
themselves, whose labels were drawn in balance).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import log_softmax

from labelmint.core.errors import ModelError
from labelmint.core.params import Params
from labelmint.core.progress import progress
from labelmint.core.records import Candidate, Labelled
from labelmint.labelling.choices import ChoiceScorer, Floats, draw_demonstrations, labelled_prompt
from labelmint.llm.base import LanguageModel
from labelmint.rules.scorable import can_be_scored, scorable
from labelmint.tasks.cards import TaskCard, row_text


@dataclass(frozen=True)
class LabelScores:
    """Log-probabilities of the labels by row id.

    Attributes
    ----------
    candidates : dict
        Candidate id → scores, shape (labels,).
    real : dict
        The language model's scores of the real rows that it was not shown.
    accuracy : dict
        Scorer → how often it is right on those real rows.
    weights : dict
        Scorer → its weight in the pool; empty where the language model scores alone.
    """

    candidates: dict[str, Floats] = field(default_factory=dict)
    real: dict[str, Floats] = field(default_factory=dict)
    accuracy: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)


def llm_scores(
    params: Params,
    card: TaskCard,
    candidates: Sequence[Candidate],
    train: Sequence[Labelled],
    model: LanguageModel,
) -> LabelScores:
    """Score all candidates that have a text, and the real training rows that were not shown.

    Raises
    ------
    ModelError
        If the model can't score, or the demonstrations and a text don't fit its context.
    """
    if not model.can_score:
        raise ModelError(
            "params.yaml: labelling.action: this model or backend can't score labels; say `action: none`"
        )
    labelling = params.labelling
    shown = draw_demonstrations(labelling.seed, labelling.demonstrations, card, train)
    unseen = [row for row in train if row not in shown]
    rows = scorable(params.filter, candidates)
    finished = [row for row in rows if can_be_scored(row)]
    scorer = ChoiceScorer(card, labelled_prompt(card, shown), model)
    with progress(len(rows) + len(unseen), "score labels", "texts") as bar:
        scores, others, real = (
            scorer.score([row_text(card, row) for row in part], bar.update)
            for part in (finished, rows[len(finished) :], unseen)
        )
    names = card.label_names
    offsets = centre(scores, [names.index(row["label"]) for row in finished], len(names))
    centred = log_softmax(np.concatenate([scores, others]) - offsets, axis=1)
    real = log_softmax(real - offsets, axis=1)
    right = [names[best] == row["label"] for best, row in zip(real.argmax(axis=1), unseen, strict=True)]
    return LabelScores(
        {row["id"]: score for row, score in zip(rows, centred, strict=True)},
        {row["id"]: score for row, score in zip(unseen, real, strict=True)},
        {"llm": round(sum(right) / len(right), 4)} if right else {},
    )


def centre(scores: Floats, written: Sequence[int], labels: int) -> Floats:
    """Return the offsets, shape (labels,), that make the mean score of all labels equal.

    The mean is taken per written label first, so that rules which reject more texts of one label don't shift
    it.
    """
    groups = np.asarray(written)
    means = [scores[groups == label].mean(axis=0) for label in range(labels) if (groups == label).any()]
    return np.asarray(np.mean(means, axis=0)) if means else np.zeros(labels)
