"""Pool the language model's label scores with those of a classifier trained on the real rows.

The small model scores the labels of some tasks well and of others worse than a classifier trained on a
hundred rows (tweets: 57 % right against 67 %); alone it would reject good rows. Their log-probabilities are
added with weights (a logarithmic opinion pool, Genest & Zidek 1986) that are fitted on real rows which
neither saw: the model was not shown them, and the classifier's predictions of them are out-of-fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax

from labelmint.core.params import Params
from labelmint.core.progress import progress
from labelmint.core.records import Candidate, Labelled
from labelmint.encoder.data import folds_of
from labelmint.encoder.linear import fit_head
from labelmint.encoder.vectors import embed_rows
from labelmint.labelling.choices import Floats
from labelmint.labelling.scores import LabelScores, llm_scores
from labelmint.llm.base import LanguageModel
from labelmint.rules.scorable import scorable
from labelmint.tasks.balance import class_balance
from labelmint.tasks.cards import TaskCard

_FOLDS = 10
# Fewer real rows can't tell which scorer to trust.
MIN_ROWS = 20
# Of the weights' logarithms: with few rows both weights stay near 1.
_PENALTY = 0.01

Features = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """The weights of the two scorers, and how often each is right on the real rows that it didn't see."""

    llm_weight: float
    classifier_weight: float
    accuracy: dict[str, float]

    def combine(self, llm: Floats, classifier: Floats) -> Floats:
        """Return pooled log-probabilities, shape (rows, labels)."""
        return _combine(self.llm_weight, llm, self.classifier_weight, classifier)


def _combine(llm_weight: float, llm: Floats, classifier_weight: float, classifier: Floats) -> Floats:
    return np.asarray(log_softmax(llm_weight * llm + classifier_weight * classifier, axis=1))


def fit_pool(llm: Floats, classifier: Floats, labels: Ints) -> Pool:
    """Fit the weights on real rows.

    Parameters
    ----------
    llm, classifier : shape (rows, labels)
        Log-probabilities, each by a scorer that hasn't seen the row.
    labels : shape (rows,)
    """

    def loss(logs: Floats) -> float:
        pooled = _combine(np.exp(logs[0]), llm, np.exp(logs[1]), classifier)
        return float(-pooled[np.arange(len(labels)), labels].mean() + _PENALTY * (logs**2).sum())

    llm_weight, classifier_weight = np.exp(minimize(loss, np.zeros(2), method="Nelder-Mead").x)
    pooled = _combine(llm_weight, llm, classifier_weight, classifier)
    # The pool's accuracy is on the rows that its two weights are fitted to, hence a little high.
    accuracy = {
        name: round(float((scores.argmax(axis=1) == labels).mean()), 4)
        for name, scores in (("llm", llm), ("classifier", classifier), ("pooled", pooled))
    }
    return Pool(round(float(llm_weight), 4), round(float(classifier_weight), 4), accuracy)


def classify(features: Features, labels: Ints, shares: Floats, others: Features, seed: int) -> Floats:
    """Train on labelled vectors; return log-probabilities of others, shape (others, labels).

    They are those of labels in the given shares (Saerens et al. 2002): the candidates were written for labels
    drawn in those, which need not be the real rows'.
    """
    weight, bias = fit_head(features, labels, len(shares), seed)
    scores = log_softmax((others @ weight.T + bias).astype(np.float64), axis=1)
    training_shares = np.bincount(labels, minlength=len(shares)) / len(labels)
    return np.asarray(log_softmax(scores + np.log(shares) - np.log(training_shares), axis=1))


def out_of_fold(features: Features, labels: Ints, shares: Floats, seed: int) -> dict[int, Floats]:
    """Return log-probabilities by place, each by a classifier that wasn't trained on the row.

    Rows of labels too rare to hold out have none, which scikit-learn's cross_val_predict doesn't allow.
    """
    scores: dict[int, Floats] = {}
    for train, held_out in folds_of(labels, _FOLDS, seed):
        of_fold = classify(features[train], labels[train], shares, features[held_out], seed)
        scores |= zip(held_out.tolist(), of_fold, strict=True)
    return scores


def score_labels(
    params: Params,
    card: TaskCard,
    candidates: Sequence[Candidate],
    train: Sequence[Labelled],
    model: LanguageModel,
) -> LabelScores:
    """Score the candidates' labels with the language model and a classifier, as `labelling` says."""
    scores = llm_scores(params, card, candidates, train, model)
    if params.labelling.scorers == "llm":
        return scores
    return pooled_scores(params, card, candidates, train, scores)


def pooled_scores(
    params: Params,
    card: TaskCard,
    candidates: Sequence[Candidate],
    train: Sequence[Labelled],
    llm: LabelScores,
) -> LabelScores:
    """Return the language model's scores pooled with a classifier's; as they are if real rows are too few."""
    names, seed = card.label_names, params.labelling.seed
    labels = np.array([names.index(row["label"]) for row in train], np.int64)
    # A classifier can't tell labels that it has no row of.
    if len(llm.real) < MIN_ROWS or len(set(labels.tolist())) < len(names):
        return llm
    rows = [row for row in scorable(params.filter, candidates) if row["id"] in llm.candidates]
    with progress(len(train) + len(rows), "classify", "texts") as bar:
        # One list after the other: the rules compare the same candidates, and their vectors are stored then.
        real_vectors, vectors = (embed_rows(params.train, part, bar.update) for part in (train, rows))
    shares = np.array([*class_balance(params.class_balance, card, train).values()])
    unseen = out_of_fold(real_vectors, labels, shares, seed)
    places = [place for place, row in enumerate(train) if row["id"] in llm.real and place in unseen]
    if len(places) < MIN_ROWS:
        return llm
    real = {train[place]["id"]: llm.real[train[place]["id"]] for place in places}
    pool = fit_pool(np.stack([*real.values()]), np.stack([unseen[place] for place in places]), labels[places])
    pooled: dict[str, Floats] = {}
    if rows:
        by_llm = np.stack([llm.candidates[row["id"]] for row in rows])
        by_both = pool.combine(by_llm, classify(real_vectors, labels, shares, vectors, seed))
        pooled = {row["id"]: score for row, score in zip(rows, by_both, strict=True)}
    weights = {"llm": pool.llm_weight, "classifier": pool.classifier_weight}
    return LabelScores(pooled, real, pool.accuracy, weights)
