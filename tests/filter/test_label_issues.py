import numpy as np
import pytest

from labelmint.encoder import linear
from labelmint.rules.label_issues import label_issues, out_of_fold
from tests.filter.vectors import WIDTH, around

NAMES = ["a", "b", "c"]
NONE = (np.zeros((0, WIDTH), np.float32), np.zeros(0, np.int64))


@pytest.fixture(autouse=True)
def one_strength(monkeypatch):
    monkeypatch.setattr(linear, "_REGULARISATION", [30.0])


def sample(each=60, labels=2, seed=0):
    truth = np.random.default_rng(seed).permutation(np.repeat(np.arange(labels), each))
    return around(truth, 0.25, seed), truth


@pytest.mark.parametrize("labels", [2, 3])
def test_planted_wrong_labels_are_found_and_few_right_ones(labels):
    """Over 10 sets of 10 wrong labels among rows whose label the vectors tell."""
    caught = spared = 0
    for seed in range(10):
        vectors, truth = sample(60, labels, seed)
        wrong = np.random.default_rng(seed).choice(len(truth), 10, replace=False)
        given = truth.copy()
        given[wrong] = (given[wrong] + 1) % labels
        real = (around(np.arange(30) % labels, 0.25, 99), np.arange(30) % labels)
        found = label_issues(vectors, given, *real, NAMES, 0.3, 1)
        caught += len(set(found) & set(wrong.tolist()))
        spared += len(set(found) - set(wrong.tolist()))
        for place, evidence in found.items():
            assert evidence["label"] == NAMES[given[place]]
            assert evidence["suggested"] != evidence["label"]
            assert evidence["quality"] < 0.3
    assert caught >= 0.8 * 100
    assert spared <= 0.02 * 10 * (60 * labels - 10)


def test_no_row_is_judged_by_a_classifier_that_was_trained_on_it():
    # A dimension for each row: whoever has seen it knows it; to all others it says nothing.
    labels = np.array([0, 1] * 20)
    places, said = out_of_fold(np.eye(40, dtype=np.float32), labels, *NONE, 2, 1)
    np.testing.assert_array_equal(places, np.arange(40))
    np.testing.assert_allclose(said, 0.5, atol=0.02)


def test_the_real_rows_train_every_fold():
    vectors, truth = sample(each=5)
    real = (around([2] * 20 + [3] * 20, 0.1), np.array([0] * 20 + [1] * 20))
    _, said = out_of_fold(np.concatenate([vectors, real[0][:1]]), np.append(truth, 0), *real, 2, 1)
    assert said[-1].argmax() == 0  # of the rows themselves none lies there


def test_labels_too_rare_to_hold_out_are_not_judged():
    vectors, truth = sample()
    places, said = out_of_fold(np.concatenate([vectors, vectors[:1]]), np.append(truth, 2), *NONE, 3, 1)
    assert places.tolist() == list(range(120))
    assert said.shape == (120, 3)
    wrong = 1 - truth[:1]
    found = label_issues(
        np.concatenate([vectors, vectors[:1]]), np.append(np.r_[wrong, truth[1:]], 2), *NONE, NAMES, 0.3, 1
    )
    assert 0 in found


@pytest.mark.parametrize("labels", [[], [0], [0, 1], [0, 0, 0]])
def test_with_too_few_rows_nothing_is_found(labels):
    vectors = around(labels) if labels else np.zeros((0, WIDTH), np.float32)
    assert label_issues(vectors, np.array(labels, np.int64), *NONE, NAMES, 1.0, 1) == {}


def test_a_lower_threshold_finds_a_part_of_the_same_rows():
    vectors, truth = sample(seed=4)
    given = np.where(np.arange(120) % 8 == 0, 1 - truth, truth)
    found = [label_issues(vectors, given, *NONE, NAMES, at, 1) for at in (0.0, 0.05, 0.5)]
    assert found[0] == {}
    assert set(found[1]) < set(found[2])
