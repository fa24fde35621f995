import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmint.describe.distributions import fit_topics
from labelmint.describe.fidelity import classifier_accuracy, frechet_distance, likeness, telling
from labelmint.describe.texts import words_of
from tests.describe.helpers import bag_of_words, real_rows, sample


def review_texts(count, first=0):
    return [row["text"] for row in real_rows(count // 2, first)]


def test_a_set_is_not_told_from_another_half_of_it():
    texts = review_texts(200)
    order = np.random.default_rng(1).permutation(200)
    left, right = (sample([texts[at] for at in own]) for own in (order[:100], order[100:]))
    for name, found in classifier_accuracy(left, right, seed=1).items():
        assert 0.35 < found < 0.65, name


def test_texts_of_other_words_are_told_apart_by_all():
    left = sample(review_texts(80))
    right = sample([f"{text} , really quite honestly" for text in review_texts(80, 100)])
    for name, found in classifier_accuracy(left, right, seed=1).items():
        assert found > 0.85, name


def test_only_characters_tell_punctuation_and_case():
    texts = review_texts(80)
    left, right = sample(texts[:40]), sample([text.title().replace(" ", "  ") for text in texts[40:]])
    found = classifier_accuracy(left, right, seed=1)
    assert found["classifier_accuracy_characters"] == 1
    assert found["classifier_accuracy_words"] < 0.7


def test_a_set_is_as_likely_as_itself():
    texts = sample(review_texts(60))
    found = likeness(texts, texts, fit_topics(texts.vectors, 1), seed=1)
    assert found["frechet_distance"] == pytest.approx(0, abs=1e-5)
    assert found["word_js_distance"] == pytest.approx(0, abs=1e-6)
    assert found["topic_js_distance"] == pytest.approx(0, abs=1e-6)
    assert found["vocabulary_coverage"] == 1


@given(st.integers(2, 30), st.integers(2, 30), st.integers(1, 6), st.integers(0, 99))
@settings(max_examples=25)
def test_the_frechet_distance_is_the_textbook_one(left_rows, right_rows, width, seed):
    draw = np.random.default_rng(seed)
    left, right = draw.normal(size=(left_rows, width)), draw.normal(0.5, 2, (right_rows, width))
    a, b = (np.atleast_2d(np.cov(side, rowvar=False)) for side in (left, right))
    # The root of √a·b·√a has the trace of that of a·b, and is symmetric.
    values, vectors = np.linalg.eigh(a)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b @ root), 0)).sum()
    apart = ((left.mean(0) - right.mean(0)) ** 2).sum()
    expected = apart + np.trace(a) + np.trace(b) - 2 * shared
    assert frechet_distance(left, right) == pytest.approx(expected, abs=1e-4)
    assert frechet_distance(right, left) == pytest.approx(frechet_distance(left, right), abs=1e-6)


def test_the_frechet_distance_of_few_texts_is_too_high_and_falls():
    few = frechet_distance(bag_of_words(review_texts(20)), bag_of_words(review_texts(20, 50)))
    many = frechet_distance(bag_of_words(review_texts(200)), bag_of_words(review_texts(200, 500)))
    assert 0 < many < few / 2


def test_the_telling_words_are_those_of_one_set():
    real = [words_of(text) for text in review_texts(30)]
    synthetic = [[*words, "very", "much"] for words in real[:20]]
    found = telling(real, synthetic, 3)
    assert {entry["words"] for entry in found["synthetic"]} == {"very", "much", "very much"}
    assert found["synthetic"][0]["synthetic_share"] == 1
    assert found["synthetic"][0]["real_share"] == 0
    assert all(entry["weight"] > 0 for entries in found.values() for entry in entries)


def test_nothing_tells_where_all_words_are_rare():
    assert telling([["a"]], [["b"]], 3) == {"real": [], "synthetic": []}
