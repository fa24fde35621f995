"""The labels' judge: what the LLM reads, pooled with a classifier trained on the real rows.

The small LLM reads some tasks well and others worse than a classifier trained on a hundred rows (tweets: 57 %
against 67 %); verifying with it alone would throw away good rows. Their log-probabilities are added with
weights (a logarithmic opinion pool, Genest & Zidek 1986) that are fitted on real rows which neither saw: the
LLM wasn't shown them, and the classifier's own predictions of them are out-of-fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from labelmint.core.params import Params
from labelmint.core.progress import progress
from labelmint.core.records import Candidate, Labelled
from labelmint.encoder.data import folds_of
from labelmint.encoder.linear import fit_head
from labelmint.encoder.vectors import embed_rows
from labelmint.labelling.verify import Floats, Reading, log_softmax, readable, verify
from labelmint.llm.base import LanguageModel
from labelmint.tasks.balance import class_balance
from labelmint.tasks.cards import TaskCard

_FOLDS = 10
# Fewer real rows can't tell whom to trust.
MIN_ROWS = 20
# Of the weights' logarithms: with few rows both weights stay near 1.
_PENALTY = 0.01

Features = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """The weights of the two judges, and how often each is right on the real rows that it didn't see."""

    llm_weight: float
    classifier_weight: float
    accuracy: dict[str, float]

    def judge(self, llm: Floats, classifier: Floats) -> Floats:
        """Return pooled log-probabilities, shape (rows, labels)."""
        return log_softmax(self.llm_weight * llm + self.classifier_weight * classifier)


def fit_pool(llm: Floats, classifier: Floats, labels: Ints) -> Pool:
    """Fit the weights on real rows.

    Parameters
    ----------
    llm, classifier : shape (rows, labels)
        Log-probabilities, each by a judge that hasn't seen the row.
    labels : shape (rows,)
    """

    def loss(logs: npt.NDArray[np.float64]) -> float:
        pooled = log_softmax(np.exp(logs[0]) * llm + np.exp(logs[1]) * classifier)
        return float(-pooled[np.arange(len(labels)), labels].mean() + _PENALTY * (logs**2).sum())

    llm_weight, classifier_weight = np.exp(minimize(loss, np.zeros(2), method="Nelder-Mead").x)
    pooled = log_softmax(llm_weight * llm + classifier_weight * classifier)
    # The pool's own accuracy is on the rows that its two weights are fitted to, hence a little high.
    right = {
        name: round(float((scores.argmax(axis=1) == labels).mean()), 4)
        for name, scores in (("llm", llm), ("classifier", classifier), ("pooled", pooled))
    }
    return Pool(round(float(llm_weight), 4), round(float(classifier_weight), 4), right)


def classify(features: Features, labels: Ints, shares: Floats, others: Features, seed: int) -> Floats:
    """Train on labelled vectors; return log-probabilities of others, shape (others, labels).

    They are those of labels in the given shares (Saerens et al. 2002): the candidates were written for labels
    drawn in those, which need not be the real rows'.
    """
    weight, bias = fit_head(features, labels, len(shares), seed)
    scores = log_softmax((others @ weight.T + bias).astype(np.float64))
    own = np.bincount(labels, minlength=len(shares)) / len(labels)
    return log_softmax(scores + np.log(shares) - np.log(own))


def out_of_fold(features: Features, labels: Ints, shares: Floats, seed: int) -> dict[int, Floats]:
    """Return log-probabilities by place, each by a classifier that wasn't trained on the row.

    Rows of labels too rare to hold out have none.
    """
    found: dict[int, Floats] = {}
    for train, held_out in folds_of(labels, _FOLDS, seed):
        scores = classify(features[train], labels[train], shares, features[held_out], seed)
        found |= zip(held_out.tolist(), scores, strict=True)
    return found


def judged(
    params: Params,
    card: TaskCard,
    candidates: Sequence[Candidate],
    train: Sequence[Labelled],
    model: LanguageModel,
) -> Reading:
    """Have the candidates' labels read by the LLM and judged with a classifier, as params.yaml says."""
    reading = verify(params.filter, card, candidates, train, model)
    if params.filter.verify.judge == "llm":
        return reading
    return with_classifier(params, card, candidates, train, reading)


def with_classifier(
    params: Params, card: TaskCard, candidates: Sequence[Candidate], train: Sequence[Labelled], llm: Reading
) -> Reading:
    """Return the LLM's reading pooled with a classifier's; as it is, where real rows are too few to tell."""
    names, seed = card.label_names, params.filter.seed
    labels = np.array([names.index(row["label"]) for row in train], np.int64)
    # A classifier can't tell labels that it has no row of.
    if len(llm.real) < MIN_ROWS or len(set(labels.tolist())) < len(names):
        return llm
    read = [row for row in readable(params.filter, candidates) if row["id"] in llm.scores]
    with progress(len(train) + len(read), "classify", "texts") as bar:
        # One list after the other: the rules compare the same candidates, and find their vectors stored.
        own, others = (embed_rows(params.train, rows, bar.update) for rows in (train, read))
    shares = np.array([*class_balance(params.class_balance, card, train).values()])
    unseen = out_of_fold(own, labels, shares, seed)
    judged = [place for place, row in enumerate(train) if row["id"] in llm.real and place in unseen]
    if len(judged) < MIN_ROWS:
        return llm
    real = {train[place]["id"]: llm.real[train[place]["id"]] for place in judged}
    pool = fit_pool(np.stack([*real.values()]), np.stack([unseen[at] for at in judged]), labels[judged])
    said = classify(own, labels, shares, others, seed)
    scores = pool.judge(np.stack([llm.scores[row["id"]] for row in read]), said) if read else said
    return Reading(
        {row["id"]: score for row, score in zip(read, scores, strict=True)},
        real,
        pool.accuracy,
        {"llm": pool.llm_weight, "classifier": pool.classifier_weight},
    )
