import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmint.core.words import words_of
from labelmint.rules import overlaps, similarity
from labelmint.rules.similarity import (
    MIN_CONTAINED_SHINGLES,
    best_of,
    cosine_pairs,
    near_duplicates_of,
    shingle_pairs,
    shingles,
)
from tests.rules.helpers import words

TEXTS = st.lists(st.text("abc ", max_size=40), max_size=8)
THRESHOLDS = st.sampled_from([0.1, 0.25, 0.5, 0.6, 0.75, 1.0])


def similar_pairs(left, right, threshold):
    left, right = [*map(words_of, left)], [*map(words_of, right)]
    return best_of(shingle_pairs(left, right, threshold))


def duplicates(texts, threshold):
    texts = [*map(words_of, texts)]
    return near_duplicates_of(lambda dropped: shingle_pairs(texts, texts, threshold, dropped), len(texts))


def jaccard(one, other):
    a, b = (set(shingles(words_of(text))) for text in (one, other))
    return len(a & b) / len(a | b)


def reference(one, other):
    """Jaccard's similarity, or the contained share of the smaller text if that is long enough."""
    a, b = (set(shingles(words_of(text))) for text in (one, other))
    smaller = min(len(a), len(b))
    share = len(a & b) / smaller if smaller >= MIN_CONTAINED_SHINGLES else 0
    return max(jaccard(one, other), share)


@settings(max_examples=30)
@given(TEXTS, TEXTS, THRESHOLDS)
def test_the_best_pair_is_that_of_a_plain_reference(left, right, threshold):
    expected = {}
    for i, one in enumerate(left):
        found = [(reference(one, other), -j) for j, other in enumerate(right)]
        if found and max(found)[0] >= threshold:
            best, at = max(found)
            expected[i] = (-at, pytest.approx(best))
    assert similar_pairs(left, right, threshold) == expected


@settings(max_examples=30)
@given(TEXTS, THRESHOLDS)
def test_duplicates_are_those_of_a_plain_reference(texts, threshold):
    expected = {}
    for i, text in enumerate(texts):
        found = [(jaccard(text, texts[j]), -j) for j in range(i) if j not in expected]
        if found and max(found)[0] >= threshold:
            best, at = max(found)
            expected[i] = (-at, pytest.approx(best))
    assert duplicates(texts, threshold) == expected


def test_texts_exactly_at_the_threshold_are_near_though_sums_are_rounded():
    one, other = words(1, 5).split(), [*words(1, 4).split(), "x", "y"]
    assert list(shingle_pairs([one], [other], 0.4)) == [(0, 0, 0.4)]


@pytest.mark.parametrize(("length", "similarity"), [(7, 1.0), (6, 4 / 28), (5, 3 / 28)])
def test_containment_counts_from_five_shingles_on(length, similarity):
    long, part = words(1, 30), words(11, 10 + length)
    assert similar_pairs([part], [long], 0.01) == {0: (0, pytest.approx(similarity))}
    assert similar_pairs([long], [part], 0.01) == {0: (0, pytest.approx(similarity))}


def test_blocks_of_rows_make_no_difference(monkeypatch):
    left = [words(number, number + 9) for number in range(0, 40, 2)]
    right = [words(number, number + 10) for number in range(0, 40, 3)]
    pairs, later = similar_pairs(left, right, 0.3), duplicates(left, 0.3)
    assert len(pairs) == 20
    assert len(later) == 13
    monkeypatch.setattr(overlaps, "_BLOCK_ROWS", 3)
    assert similar_pairs(left, right, 0.3) == pairs
    assert duplicates(left, 0.3) == later


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 0.5, 0.9])
def test_cosine_pairs_are_all_of_them(threshold, monkeypatch):
    draw = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    draw /= np.linalg.norm(draw, axis=1, keepdims=True)
    left, right = draw[:20], draw[20:]
    monkeypatch.setattr(similarity, "_COSINE_BLOCK_ROWS", 7)
    found = list(cosine_pairs(left, right, threshold))
    expected = [(i, j) for i in range(20) for j in range(10) if left[i] @ right[j] >= threshold]
    assert [pair[:2] for pair in found] == expected
    assert all(cosine == pytest.approx(left[i] @ right[j], abs=1e-6) for i, j, cosine in found)


def test_no_vector_is_near_no_vector():
    none = np.zeros((0, 0), np.float32)
    assert list(cosine_pairs(none, np.ones((2, 3), np.float32), 0.5)) == []
    assert list(cosine_pairs(none, none, 0.5)) == []


def earlier(pairs):
    return [pair for pair in pairs if pair[1] < pair[0]]
