"""Label scores: the log-probability of each label of a text, by a pool of scorers.

`llm` is the label that the language model says after labelled real rows, `probe` a linear classifier on the
model's hidden state at the answer's place (PALP, Cho et al. 2023, arXiv 2212.10873), `classifier` one on the
encoder's vectors. The probe and the weights are fitted on the real rows that the model wasn't shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import log_softmax

from labelmint.core.arrays import Floats, Floats32, Ints, numbers_of
from labelmint.core.folds import FOLDS, folds_in_turn
from labelmint.core.progress import progress
from labelmint.core.records import Candidate, Input, Labelled
from labelmint.encoder.vectors import embed_rows
from labelmint.labelling.choices import ChoiceScorer, draw_demonstrations, labelled_prompt, unit
from labelmint.labelling.offsets import label_shares, matching_offsets
from labelmint.labelling.pool import MIN_ROWS, classify_by_folds, fit_pool, of_shares, out_of_fold
from labelmint.llm.base import LanguageModel
from labelmint.rules.filtering import can_be_scored, scorable
from labelmint.tasks.balance import class_balance
from labelmint.tasks.cards import TaskCard, row_text
from labelmint.tasks.task import Task


@dataclass(frozen=True)
class LabelScores:
    """Log-probabilities of the labels, shape (labels,), by row id."""

    texts: dict[str, Floats] = field(default_factory=dict)
    # Of the texts by scorers that were fitted without each fold of the real rows, shape (FOLDS, labels)
    without_folds: dict[str, Floats] = field(default_factory=dict)
    real: dict[str, Floats] = field(default_factory=dict)  # of real rows that no scorer has seen
    accuracy: dict[str, float] = field(default_factory=dict)  # on those, by scorer and of all "pooled"
    weights: dict[str, float] = field(default_factory=dict)  # of each scorer in the pool
    seconds: float = 0.0  # that the language model took to read, that of cached texts included

    def summary(self) -> dict[str, Any]:
        """Return how far the scores can be trusted, and what they took, for the stages' metrics."""
        scoring = {"accuracy": self.accuracy, "weights": self.weights, "real_rows": len(self.real)}
        return {"label_scoring": scoring, "seconds": round(self.seconds, 1)}


@dataclass(frozen=True)
class Scored:
    """A scorer's log-probabilities of the texts, and of real rows that it hasn't seen; (rows, labels)."""

    rows: Floats
    real: Floats
    # Of the texts without each fold of the real rows, (FOLDS, rows, labels); None: it isn't fitted to them.
    without_folds: Floats | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class LlmScores(Scored):
    """The language model's scores with its hidden states, (rows, width)."""

    states: Floats32
    real_states: Floats32
    seconds: float

    def without_preferences(self, shares: Floats, real_shares: Floats, written: Ints | None) -> LlmScores:
        """Take out what the model prefers whatever the text; the rows' labels are expected in the `shares`.

        Texts that exist tell that together with the real rows. Candidates don't, since a model that writes
        one label worse writes more of the others: the real rows tell it alone, or, where these are too few,
        the candidates, each label that they were `written` for counting the same.
        """
        labels = len(real_shares)
        if written is None:
            rows, weights = np.concatenate([self.rows, self.real]), None
            expected = (len(self.rows) * shares + len(self.real) * real_shares) / max(1, len(rows))
        elif len(self.real) >= MIN_ROWS:
            rows, weights, expected = self.real, None, real_shares
        else:
            of_label = np.bincount(written, minlength=labels)
            rows, weights = self.rows[: len(written)], 1 / of_label[written]
            expected = (of_label > 0) / max(1, (of_label > 0).sum())
        offsets = matching_offsets(rows, expected, weights)
        texts, real = (log_softmax(part - offsets, axis=1) for part in (self.rows, self.real))
        return replace(self, rows=texts, real=real)


def score_candidates(task: Task, candidates: Sequence[Candidate], model: LanguageModel) -> LabelScores:
    """Score the labels of all candidates that some setting of the rules could keep."""
    rows = scorable(task.params.filter, candidates)
    shares = np.array([*class_balance(task.params.class_balance, task.card, task.train).values()])
    written = [row["label"] for row in rows if can_be_scored(row)]
    return score_labels(task, rows, model, shares, written)


def score_labels(
    task: Task,
    rows: Sequence[Input],
    model: LanguageModel,
    shares: Floats | None = None,
    written: Sequence[str] | None = None,
) -> LabelScores:
    """Score the labels of texts with the scorers of `labelling.scorers`.

    Without enough real rows to fit and weigh the others, the language model scores alone. With the classifier
    alone, it isn't asked, and shown no rows. Without `rows`, only real rows are scored.

    The rows' labels are expected in the `shares`, shape (labels,), or those of the real rows: the pooled
    scores, which expect those of the real rows, are moved to them. `written` are the labels that the first
    rows were written for, if they were.
    """
    card, train, labelling, names = task.card, task.train, task.params.labelling, task.card.label_names
    every_label = _have_every_label(train, names)
    requested = None if written is None else np.array([names.index(name) for name in written], np.int64)
    if {*labelling.scorers} == {"classifier"} and len(train) >= MIN_ROWS and every_label:
        return _pooled(task, {"classifier": _classifier(task, rows, train)}, rows, train, shares)
    shown = draw_demonstrations(labelling.seed, labelling.demonstrations, card, train)
    unseen = [row for row in train if row not in shown]
    unseen_shares = label_shares(names, unseen)
    # Those that only a disabled rule lets through come last, so that the others' chunks stay in the cache.
    first = len(rows) if written is None else len(written)
    llm = _read(card, labelled_prompt(card, shown), model, [rows[:first], rows[first:], unseen])
    llm = llm.without_preferences(label_shares(names, train), unseen_shares, requested)
    scorers: dict[str, Scored] = {"llm": llm}
    if len(unseen) >= MIN_ROWS and every_label:
        # The probe would give no text a label whose only row was shown.
        can_probe = llm.real_states.shape[1] and _have_every_label(unseen, names)
        if "probe" in labelling.scorers and can_probe:
            scorers["probe"] = _probe(task, llm, unseen)
        if "classifier" in labelling.scorers:
            scorers["classifier"] = _classifier(task, rows, unseen)
    if len(unseen) < MIN_ROWS:
        shares = None  # the model's preferences were taken out by the candidates, whatever their shares
    return replace(_pooled(task, scorers, rows, unseen, shares), seconds=llm.seconds)


def _pooled(
    task: Task,
    scorers: dict[str, Scored],
    rows: Sequence[Input],
    unseen: Sequence[Labelled],
    shares: Floats | None,
) -> LabelScores:
    """Weigh the scorers that `labelling.scorers` names; where rows are too few, the model decides alone."""
    # The only row of a label is never held out, and has no scores by a classifier.
    held_out = np.all([~np.isnan(scored.real).any(axis=1) for scored in scorers.values()], axis=0)
    if len(scorers) > 1 and held_out.sum() < MIN_ROWS:
        return _pooled(task, {"llm": scorers["llm"]}, rows, unseen, shares)
    wanted: list[str] = [*task.params.labelling.scorers]
    used = [name for name in scorers if name in wanted] or [*scorers]
    real = [unseen[int(place)] for place in np.flatnonzero(held_out)]
    of_real = {name: scorers[name].real[held_out] for name in used}
    pool = fit_pool(of_real, numbers_of(real, task.card.label_names))
    parts = [{name: scorers[name].rows for name in used}]
    parts += [{name: _without(scorers[name], fold) for name in used} for fold in range(FOLDS)]
    pooled = np.stack([pool.combine(part) for part in parts], axis=1)
    if shares is not None:
        pooled = of_shares(pooled, label_shares(task.card.label_names, unseen), shares)
    return LabelScores(
        {row["id"]: scores[0] for row, scores in zip(rows, pooled, strict=True)},
        {row["id"]: scores[1:] for row, scores in zip(rows, pooled, strict=True)},
        {row["id"]: score for row, score in zip(real, pool.combine(of_real), strict=True)},
        pool.accuracy,
        pool.weights,
    )


def _without(scored: Scored, fold: int) -> Floats:
    return scored.rows if scored.without_folds is None else scored.without_folds[fold]


def _have_every_label(rows: Sequence[Labelled], names: Sequence[str]) -> bool:
    return {row["label"] for row in rows} == {*names}


def _read(card: TaskCard, prompt: str, model: LanguageModel, parts: Sequence[Sequence[Input]]) -> LlmScores:
    """Score all parts; the last one is the real rows."""
    scorer = ChoiceScorer(card, prompt, model)
    with progress(sum(map(len, parts)), "score labels", "texts") as bar:
        scored = [scorer.score([row_text(card, row) for row in part], bar.update) for part in parts]
    *texts, (real, real_states) = scored
    states = [states for _, states in texts if len(states)]
    return LlmScores(
        np.concatenate([scores for scores, _ in texts]),
        real,
        np.concatenate(states) if states else np.zeros((0, 0), np.float32),
        real_states,
        scorer.seconds,
    )


def _probe(task: Task, llm: LlmScores, unseen: Sequence[Labelled]) -> Scored:
    return _fitted(task, unseen, unit(llm.real_states), unit(llm.states), unseen)


def _classifier(task: Task, rows: Sequence[Input], unseen: Sequence[Labelled]) -> Scored:
    """Train on all real rows: this classifier is shown none beforehand."""
    with progress(len(task.train) + len(rows), "classify", "texts") as bar:
        # One list after the other: the rules compare the same candidates, and their vectors are stored then.
        real, vectors = (embed_rows(task.params.train, part, bar.update) for part in (task.train, rows))
    return _fitted(task, task.train, real, vectors, unseen)


def _fitted(
    task: Task, known: Sequence[Labelled], features: Floats32, others: Floats32, unseen: Sequence[Labelled]
) -> Scored:
    """Fit a head to the features of `known` rows; score the `others`' features and the `unseen` real rows."""
    labels, count = numbers_of(known, task.card.label_names), len(task.card.labels)
    seed = task.params.labelling.seed
    ids = {row["id"] for row in unseen}
    real = out_of_fold(features, labels, count, seed)[[row["id"] in ids for row in known]]
    if not len(others):
        return Scored(np.zeros((0, count)), real)
    folds = folds_in_turn(row["label"] for row in task.train)
    of_id = {row["id"]: fold for row, fold in zip(task.train, folds, strict=True)}
    of_known = np.array([of_id[row["id"]] for row in known])
    whole, *without = classify_by_folds(features, labels, count, others, seed, of_known)
    return Scored(whole, real, without_folds=np.stack(without))
