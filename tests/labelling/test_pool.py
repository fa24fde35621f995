import numpy as np
import pytest
from scipy.special import log_softmax

from labelmint.core.params import load_params
from labelmint.encoder import linear
from labelmint.labelling import pool as pool_module
from labelmint.labelling.pool import MIN_ROWS, classify, fit_pool, out_of_fold, pooled_scores
from labelmint.labelling.scores import LabelScores
from tests.builders import REPOSITORY, candidate, card, labelled

BOTH = ("negative", "positive")
PARAMS = load_params(REPOSITORY / "params.yaml")


@pytest.fixture(autouse=True)
def one_c(monkeypatch):
    """Don't search for C: ten folds of five folds of six values."""
    monkeypatch.setattr(linear, "_REGULARISATION", [1.0])


EQUAL = np.array([0.5, 0.5])


def simulated(seed, rows, labels, skill):
    """Return log-probabilities that favour the true label by `skill` standard deviations of the noise."""
    truth = np.random.default_rng(0).integers(labels, size=rows)
    scores = np.random.default_rng(seed).normal(size=(rows, labels))
    scores[np.arange(rows), truth] += skill
    return log_softmax(scores, axis=1), truth


@pytest.mark.parametrize("labels", [2, 5])
@pytest.mark.parametrize("skills", [(0.0, 3.0), (0.5, 2.5), (-2.0, 2.0)])
@pytest.mark.parametrize("seed", range(1, 4))
def test_the_better_scorer_weighs_more_and_the_pool_is_no_worse_than_the_worse_one(seed, labels, skills):
    (bad, truth), (good, _) = (simulated(seed + at, 200, labels, skill) for at, skill in enumerate(skills))
    pool, turned = fit_pool(bad, good, truth), fit_pool(good, bad, truth)
    assert pool.classifier_weight > pool.llm_weight
    assert turned.llm_weight > turned.classifier_weight
    assert pool.accuracy["pooled"] >= min(pool.accuracy["llm"], pool.accuracy["classifier"])
    assert pool.accuracy["pooled"] >= pool.accuracy["classifier"] - 0.05


def test_two_good_scorers_are_better_together_than_either_on_rows_that_the_pool_has_not_seen():
    (one, truth), (two, _) = simulated(1, 2000, 3, 1.5), simulated(2, 2000, 3, 1.5)
    pool = fit_pool(one[:1000], two[:1000], truth[:1000])
    right = [
        (scores[1000:].argmax(axis=1) == truth[1000:]).mean() for scores in (one, two, pool.combine(one, two))
    ]
    assert right[2] > max(right[:2]) + 0.03


def test_accuracies_are_shares_of_right_rows():
    truth = np.array([0, 1] * 10)
    scores = log_softmax(np.where(truth[:, None] == [0, 1], 2.0, 0.0), axis=1)
    assert fit_pool(scores, np.full((20, 2), np.log(0.5)), truth).accuracy == {
        "llm": 1.0,
        "classifier": 0.5,  # ties go to the first label
        "pooled": 1.0,
    }


def test_no_row_is_scored_by_a_classifier_that_was_trained_on_it():
    # A dimension for each row: whoever has seen it knows it; to all others it says nothing.
    labels = np.array([0, 1] * 20)
    features = np.eye(40, dtype=np.float32)
    unseen = out_of_fold(features, labels, EQUAL, 1)
    assert sorted(unseen) == list(range(40))
    for scores in unseen.values():
        np.testing.assert_allclose(scores, np.log(0.5), atol=0.02)
    seen = classify(features, labels, EQUAL, features, 1)
    assert (seen.argmax(axis=1) == labels).all()


def test_rows_of_labels_too_rare_to_hold_out_have_no_scores():
    labels = np.array([0, 1] * 20 + [2])
    features = np.random.default_rng(1).normal(size=(41, 4)).astype(np.float32)
    assert sorted(out_of_fold(features, labels, np.full(3, 1 / 3), 1)) == list(range(40))


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]])
def test_labels_are_as_likely_as_they_were_drawn(shares):
    labels = np.array([0] * 90 + [1] * 10)
    features = np.zeros((100, 2), np.float32)  # which tell nothing
    probabilities = np.exp(classify(features, labels, np.array(shares), features[:3], 1))
    np.testing.assert_allclose(probabilities, [shares] * 3, atol=0.02)


def task(rows, labels=BOTH):
    """Return real rows, the LLM's scores of them and of two candidates: all right."""
    train = [labelled(labels[at % len(labels)], at) for at in range(rows)]
    candidates = [candidate(at, f"candidate {at}", label) for at, label in enumerate(labels)]
    own = {"negative": np.log([0.9, 0.1]), "positive": np.log([0.1, 0.9])}
    scores = {row["id"]: own[row["label"]] for row in candidates}
    real = {row["id"]: own[row["label"]] for row in train}
    return candidates, train, LabelScores(scores, real, {"llm": 1.0})


@pytest.fixture
def embedded(monkeypatch):
    """Note the rows that are embedded, as vectors that say nothing."""
    seen = []

    def embed_rows(config, rows, on_rows):
        seen.extend(rows)
        return np.random.default_rng(1).normal(size=(len(rows), 4)).astype(np.float32)

    monkeypatch.setattr(pool_module, "embed_rows", embed_rows)
    return seen


@pytest.mark.parametrize(("rows", "labels"), [(0, BOTH), (MIN_ROWS - 1, BOTH), (40, ("negative",))])
def test_with_too_few_real_rows_or_none_of_a_label_the_llm_scores_alone(embedded, rows, labels):
    candidates, train, llm = task(rows, labels)
    assert pooled_scores(PARAMS, card(), candidates, train, llm) is llm
    assert embedded == []


def test_rows_that_the_llm_was_shown_train_the_classifier_and_do_not_weigh_the_scorers(embedded):
    candidates, train, llm = task(40)
    for row in train[:12]:
        del llm.real[row["id"]]
    result = pooled_scores(PARAMS, card(), candidates, train, llm)
    assert embedded == [*train, *candidates]
    assert list(result.real) == [row["id"] for row in train[12:]]
    assert set(result.accuracy) == {"llm", "classifier", "pooled"}
    assert result.accuracy["llm"] == 1.0
    assert result.weights["llm"] > result.weights["classifier"]
    assert [names.argmax() for names in result.candidates.values()] == [0, 1]


def test_only_candidates_that_the_llm_could_score_are_pooled(embedded):
    candidates, train, llm = task(40)
    del llm.candidates["s000001"]
    assert list(pooled_scores(PARAMS, card(), candidates, train, llm).candidates) == ["s000000"]
    llm.candidates.clear()
    assert pooled_scores(PARAMS, card(), candidates, train, llm).candidates == {}


def test_the_same_rows_give_the_same_scores(embedded):
    one, two = (pooled_scores(PARAMS, card(), *task(40)) for _ in range(2))
    assert one.weights == two.weights
    for row_id, scores in one.candidates.items():
        np.testing.assert_array_equal(two.candidates[row_id], scores)
