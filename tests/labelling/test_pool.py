from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax

from labelmint.encoder import linear
from labelmint.labelling.pool import classify, fit_pool, of_shares, out_of_fold


@pytest.fixture(autouse=True)
def one_c(monkeypatch):
    """Don't search for C: ten folds of five folds of six values."""
    monkeypatch.setattr(linear, "_REGULARISATION", [1.0])


def simulated(seed, rows, labels, skill):
    """Return log-probabilities that favour the true label by `skill` standard deviations of the noise."""
    truth = np.random.default_rng(0).integers(labels, size=rows)
    scores = np.random.default_rng(seed).normal(size=(rows, labels))
    scores[np.arange(rows), truth] += skill
    return log_softmax(scores, axis=1), truth


@pytest.mark.parametrize("labels", [2, 5])
@pytest.mark.parametrize("skills", [(0.0, 0.0, 3.0), (0.5, 1.0, 2.5), (-2.0, 0.0, 2.0)])
@pytest.mark.parametrize("seed", range(1, 4))
def test_the_best_scorer_weighs_most_and_the_pool_is_no_worse(seed, labels, skills):
    """On rows that the weights weren't fitted to, 84 as with 100 real rows."""
    names = ("worst", "middle", "best")
    parts = {name: simulated(seed * 3 + at, 2084, labels, skills[at]) for at, name in enumerate(names)}
    truth = parts["best"][1]
    scores = {name: part for name, (part, _) in parts.items()}
    pool = fit_pool({name: part[:84] for name, part in scores.items()}, truth[:84])
    assert max(pool.weights, key=pool.weights.get) == "best"
    fresh = {name: part[84:] for name, part in scores.items()}
    right = {name: (part.argmax(axis=1) == truth[84:]).mean() for name, part in fresh.items()}
    pooled = (pool.combine(fresh).argmax(axis=1) == truth[84:]).mean()
    assert pooled >= right["best"] - 0.03


def test_two_good_scorers_are_better_together_than_either_on_rows_that_the_pool_has_not_seen():
    (one, truth), (two, _) = simulated(1, 2000, 3, 1.5), simulated(2, 2000, 3, 1.5)
    pool = fit_pool({"one": one[:1000], "two": two[:1000]}, truth[:1000])
    pooled = pool.combine({"one": one[1000:], "two": two[1000:]})
    right = [(scores.argmax(axis=1) == truth[1000:]).mean() for scores in (one[1000:], two[1000:], pooled)]
    assert right[2] > max(right[:2]) + 0.03


def test_accuracies_are_shares_of_right_rows_and_a_single_scorer_is_no_pool():
    truth = np.array([0, 1] * 10)
    scores = log_softmax(np.where(truth[:, None] == [0, 1], 2.0, 0.0), axis=1)
    ignorant = np.full((20, 2), np.log(0.5))
    accuracy = {"llm": 1.0, "probe": 0.5, "pooled": 1.0}  # ties go to the first label
    assert fit_pool({"llm": scores, "probe": ignorant}, truth).accuracy == accuracy
    alone = fit_pool({"llm": scores}, truth)
    assert (alone.weights, alone.accuracy) == ({"llm": 1.0}, {"llm": 1.0})


def test_no_row_is_scored_by_a_classifier_that_was_trained_on_it():
    # A dimension for each row: whoever has seen it knows it; to all others it says nothing.
    labels = np.array([0, 1] * 20)
    features = np.eye(40, dtype=np.float32)
    np.testing.assert_allclose(out_of_fold(features, labels, 2, 1), np.log(0.5), atol=0.05)
    assert (classify(features, labels, 2, features, 1).argmax(axis=1) == labels).all()


def test_only_rows_that_are_the_only_one_of_their_label_have_no_scores():
    """The scorers' accuracy must not be that of the common labels alone."""
    labels = np.array([0, 1] * 20 + [2, 3, 3, 4, 4, 4])
    features = np.random.default_rng(1).normal(size=(46, 4)).astype(np.float32)
    unseen = out_of_fold(features, labels, 5, 1)
    assert np.flatnonzero(np.isnan(unseen).any(axis=1)).tolist() == [40]
    assert (unseen[41:] > -10).all()  # the label is known from its other rows


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]])
def test_labels_are_as_likely_as_they_are_expected(shares):
    ignorant = np.log([[0.9, 0.1]] * 3)  # what a classifier says that knows the labels' shares alone
    scores = of_shares(ignorant, np.array([0.9, 0.1]), np.array(shares))
    np.testing.assert_allclose(np.exp(scores), [shares] * 3)


@pytest.mark.parametrize("majority", [0.5, 0.9])
def test_what_the_scorers_prefer_alike_is_taken_out_of_their_sum(majority):
    """The real rows tell it, so that texts may come in other shares than these."""
    draw = np.random.default_rng(1)

    def scores(labels):
        told = draw.normal(0, 1, (len(labels), 2)) + 2 * np.eye(2)[labels]
        return {name: told + draw.normal(0, 0.5, told.shape) + [0.0, 3.0] for name in ("llm", "classifier")}

    real, labels = np.arange(200) % 2, (draw.random(2000) > majority).astype(int)
    fitted = fit_pool(scores(real), real)
    found = scores(labels)

    def accuracy(pooled):
        return (pooled.combine(found).argmax(axis=1) == labels).mean()

    assert accuracy(fitted) > 0.85
    assert accuracy(fitted) > accuracy(replace(fitted, offsets=np.zeros(2))) + 0.1
    assert not fit_pool(scores(real[:19]), real[:19]).offsets.any()
