import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmint.core.words import words_of
from labelmint.rules import edits, overlaps
from labelmint.rules.edits import order_similarity

TEXTS = st.lists(st.text("abc ", max_size=30), max_size=7)
THRESHOLDS = st.sampled_from([0.2, 0.5, 0.65, 0.8, 1.0])


def edited_pairs(left, right, threshold, dropped=None):
    one = [*map(words_of, left)]
    other = one if right is left else [*map(words_of, right)]
    return list(edits.edited_pairs(one, other, threshold, dropped))


def longest_common(one, other, weights):
    """Return the weight of the longest common subsequence, by the plain recursion on the last words."""
    table = np.zeros((len(one) + 1, len(other) + 1))
    for i, word in enumerate(one, 1):
        for j, met in enumerate(other, 1):
            table[i, j] = max(table[i - 1, j], table[i, j - 1])
            if word == met:
                table[i, j] = max(table[i, j], table[i - 1, j - 1] + weights[word])
    return table[-1, -1]


def reference(left, right, threshold):
    """Compare every text with every other one."""
    words = [words_of(text) for text in [*left, *right]]
    documents = Counter(word for own in words for word in set(own))
    weights = {word: np.log((1 + len(words)) / (1 + own)) + 1 for word, own in documents.items()}
    found = {}
    for i, one in enumerate(words[: len(left)]):
        for j, other in enumerate(words[len(left) :]):
            total = sum(weights[word] for word in [*one, *other])
            similarity = 2 * longest_common(one, other, weights) / total if total else 0
            if similarity >= threshold:
                found[i, j] = pytest.approx(similarity, abs=1e-4)
    return found


# Off the thresholds by a little, so that rounding decides nothing.
@settings(max_examples=25)
@given(TEXTS, TEXTS, THRESHOLDS.map(lambda threshold: threshold - 1e-3))
def test_the_pairs_are_those_of_a_plain_reference(left, right, threshold):
    found = edited_pairs(left, right, threshold)
    assert {(i, j): similarity for i, j, similarity in found} == reference(left, right, threshold)
    assert [pair[:2] for pair in found] == sorted(pair[:2] for pair in found)


@settings(max_examples=25)
@given(TEXTS, THRESHOLDS)
def test_earlier_pairs_are_half_of_all(texts, threshold):
    both = edited_pairs(texts, texts, threshold)
    none_dropped = np.zeros(len(texts), np.bool_)
    assert edited_pairs(texts, texts, threshold, none_dropped) == [pair for pair in both if pair[1] < pair[0]]
    assert edited_pairs(texts, [*texts], threshold) == both


@pytest.mark.parametrize(
    ("one", "other", "similarity"),
    [
        ("a b c d", "a b c d", 1.0),
        ("a b c d", "a x c d", 0.75),  # swapped
        ("a b c d", "a c d", 6 / 7),  # dropped
        ("a b c d", "a b x c d", 8 / 9),  # added
        ("a b c d", "a c b d", 0.75),  # exchanged: one of the two still is in order
        ("a b c d", "d c b a", 0.25),
        ("a b", "c d", 0.0),
        ("", "", 0.0),
        ("a a a b", "a b a a", 0.75),
    ],
)
def test_each_edit_costs_the_words_that_it_touches(one, other, similarity):
    equal = dict.fromkeys("abcdx", 1.0)
    assert order_similarity(one.split(), other.split(), equal) == pytest.approx(similarity)


def test_rare_words_count_more():
    left = ["it is a film about bees"]
    right = [*("it is a film about war" for _ in range(9)), "it is one film about bees"]
    found = {j: similarity for _, j, similarity in edited_pairs(left, right, 0.01)}
    assert found[0] < found[9] < 5 / 6  # a word of six differs in both


def test_blocks_make_no_difference(monkeypatch):
    draw = random.Random(1)
    texts = [" ".join(draw.choice("abcdefgh") for _ in range(6)) for _ in range(40)]
    pairs = edited_pairs(texts, texts, 0.6)
    assert len(pairs) > 50
    for rows, pairs_at_once in ((7, 5_000_000), (1000, 50), (1, 1)):
        monkeypatch.setattr(overlaps, "_BLOCK_ROWS", rows)
        monkeypatch.setattr(overlaps, "_BLOCK_PAIRS", pairs_at_once)
        assert edited_pairs(texts, texts, 0.6) == pairs
