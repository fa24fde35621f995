import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from labelmint.labelling.offsets import label_shares, matching_offsets
from tests.builders import labelled_rows


@settings(max_examples=20)
@given(st.lists(st.floats(0.05, 1), min_size=2, max_size=5), st.floats(-6, 6), st.integers(0, 1000))
def test_the_offsets_make_each_labels_mean_probability_its_share(weights, bias, seed):
    shares = np.array(weights) / sum(weights)
    scores = np.random.default_rng(seed).normal(0, 2, (40, len(shares)))
    scores[:, 0] += bias
    scores = log_softmax(scores, axis=1)
    offsets = matching_offsets(scores, shares)
    assert offsets.sum() == pytest.approx(0, abs=1e-9)
    matched = log_softmax(scores - offsets, axis=1)
    np.testing.assert_allclose(np.exp(matched).mean(axis=0), shares, atol=1e-4)
    # What a constant preference of the model adds is taken off again.
    biased = log_softmax(scores + np.arange(len(shares)), axis=1)
    again = log_softmax(biased - matching_offsets(biased, shares), axis=1)
    np.testing.assert_allclose(again, matched, atol=1e-3)


def test_without_rows_the_offsets_are_none():
    assert matching_offsets(np.zeros((0, 3)), np.full(3, 1 / 3)).tolist() == [0, 0, 0]


def test_the_shares_are_those_of_the_rows():
    assert label_shares(["a", "b"], labelled_rows({"a": 30, "b": 10})).tolist() == [0.75, 0.25]
    assert label_shares(["a", "b"], []).tolist() == [0.5, 0.5]
    assert label_shares(["a", "b"], labelled_rows({"a": 5}))[1] > 0


def test_a_row_that_counts_twice_is_like_two_rows():
    scores = log_softmax(np.random.default_rng(1).normal(0, 2, (30, 3)), axis=1)
    shares, twice = np.array([0.5, 0.3, 0.2]), np.repeat([2.0, 1.0], [10, 20])
    offsets = matching_offsets(scores, shares, twice)
    repeated = matching_offsets(np.concatenate([scores[:10], scores]), shares)
    np.testing.assert_allclose(offsets, repeated, atol=1e-4)
    assert abs(offsets - matching_offsets(scores, shares)).max() > 0.01
