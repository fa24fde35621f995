import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmint.describe.distributions import (
    class_balance,
    common_word_counts,
    fit_topics,
    js_distance,
    length_bins,
    lengths,
    log_odds,
    topic_spread,
    vocabulary_coverage,
)
from tests.builders import labelled_rows
from tests.describe.helpers import bag_of_words

counts = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 50), min_size=1)


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from(["x", "y", "z"]), st.integers(0, 40)))
def test_class_balance_sum_to_one(by_label):
    rows = labelled_rows(by_label)
    shares = class_balance(["x", "y", "z"], rows)
    assert list(shares) == ["x", "y", "z"]
    assert sum(shares.values()) == pytest.approx(1 if rows else 0, abs=2e-4)


@settings(max_examples=25)
@given(counts, counts)
def test_the_js_distance_is_a_distance(left, right):
    found = js_distance(left, right)
    assert 0 <= found <= 1
    assert found == pytest.approx(js_distance(right, left))
    assert js_distance(left, {key: 3 * count for key, count in left.items()}) == pytest.approx(0, abs=1e-6)
    if not {*left} & {*right}:
        assert found == pytest.approx(1)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=200))
def test_every_text_is_in_a_bin(words):
    bins = length_bins(words)
    assert 2 <= len(bins) <= 21
    assert len({high - low for low, high in pairwise(bins)}) == 1
    found = lengths(words, bins)
    assert sum(found["histogram"]) == pytest.approx(1, abs=2e-3)
    assert len(found["histogram"]) == len(bins) - 1
    assert (found["deciles"][0], found["deciles"][-1]) == (min(words), max(words))
    assert found["deciles"] == sorted(found["deciles"])


def test_one_long_text_does_not_hide_the_others():
    bins = length_bins([*[10] * 300, 5000])
    assert bins[-1] < 20
    assert lengths([5, 5000], bins)["histogram"][-1] == 0.5


def test_rare_words_count_as_one():
    left = [["film"] * 12, ["once"], ["twice", "twice"]]
    found = common_word_counts(left, [["film"] * 3, ["other"]])
    assert found == ({"film": 12, "": 3}, {"film": 3, "": 1})


def test_coverage_weighs_words_by_how_often_they_are_said():
    reference = [["a", "a", "a", "b"]]
    assert vocabulary_coverage(reference, [["a"]]) == 0.75
    assert vocabulary_coverage(reference, reference) == 1
    assert vocabulary_coverage(reference, [["c"]]) == 0


def test_words_used_too_often_and_too_seldom_are_found():
    real = [["the", "film", "is", "fine"]] * 50 + [["though"]] * 20
    synthetic = [["the", "film", "is", "very", "fine"]] * 50 + [["odd"]]
    found = log_odds(real, synthetic, 3)
    assert found["overused"][0]["word"] == "very"
    assert found["overused"][0]["log_odds"] > 0
    assert found["underused"][0]["word"] == "though"
    assert found["underused"][0]["real_per_1000"] == pytest.approx(1000 * 20 / 220, abs=0.01)
    assert found["underused"][0]["synthetic_per_1000"] == 0
    assert all(len(entries) <= 3 for entries in found.values())


@pytest.mark.parametrize("texts", [[["a"]], [["a"], ["a", "a"]], [["a", "b"]]])
def test_no_word_is_overused_in_equal_sets(texts):
    assert log_odds(texts, texts, 5) == {"overused": [], "underused": []}


def test_topics_of_copies_and_of_different_texts():
    words = ["film", "story", "script", "cast"]
    vectors = bag_of_words(words * 25)
    topics = fit_topics(vectors, seed=1)
    assert topics.n_clusters == 4  # a hundred texts would have ten topics, but only four differ
    assert topic_spread(topics.predict(vectors), 4) == pytest.approx(
        {"topic_coverage": 1, "topic_entropy": 1}
    )
    alike = topic_spread(topics.predict(bag_of_words(["film"] * 9)), 4)
    assert alike == {"topic_coverage": 0.25, "topic_entropy": 0}


def test_the_entropy_of_an_uneven_spread():
    found = topic_spread(np.array([0, 0, 0, 1]), 4)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) / math.log(4)
    assert found == pytest.approx({"topic_coverage": 0.5, "topic_entropy": entropy})
