import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from labelmint.describe.diversity import (
    compression_ratio,
    distinct,
    diversity,
    most_repeated,
    repeated_share,
    self_bleu,
    vendi_score,
)
from tests.describe.helpers import bag_of_words, sample

HIGH_IS_DIVERSE = [
    *("distinct_1", "distinct_2", "distinct_3", "vocabulary_size"),
    *("remote_clique", "chamfer_distance", "vendi_score"),
]
LOW_IS_DIVERSE = ["self_bleu", "compression_ratio", "repeated_5gram_share"]

some_texts = st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=7), min_size=2, max_size=7)


@settings(max_examples=25)
@given(some_texts)
def test_self_bleu_is_sacrebleus_against_all_the_others(texts):
    bleu = BLEU(tokenize="none", effective_order=True)
    lines = [" ".join(words) for words in texts]
    expected = [
        bleu.sentence_score(line, lines[:at] + lines[at + 1 :]).score / 100 for at, line in enumerate(lines)
    ]
    assert self_bleu(texts) == pytest.approx(sum(expected) / len(expected))


def test_copies_are_as_alike_as_can_be():
    found = diversity(sample(["the plot is very thin indeed"] * 30))
    assert found["self_bleu"] == pytest.approx(1)
    assert found["distinct_1"] == pytest.approx(6 / 180)
    assert found["vocabulary_size"] == 6
    assert found["repeated_5gram_share"] == 1
    assert found["remote_clique"] == pytest.approx(0, abs=1e-6)
    assert found["chamfer_distance"] == pytest.approx(0, abs=1e-6)
    assert found["vendi_score"] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("copies", [2, 5])
def test_every_measure_says_that_texts_with_copies_are_less_diverse(copies):
    draw = random.Random(1)
    various = [" ".join(f"w{draw.randrange(300)}" for _ in range(8)) for _ in range(40)]
    less = diversity(sample([text for text in various[: 40 // copies] for _ in range(copies)]))
    more = diversity(sample(various))
    assert set(more) == {*HIGH_IS_DIVERSE, *LOW_IS_DIVERSE}
    assert all(more[name] > less[name] for name in HIGH_IS_DIVERSE)
    assert all(more[name] < less[name] for name in LOW_IS_DIVERSE)


def test_distinct_counts_ngrams_within_texts():
    texts = [["a", "b", "a"], ["b", "a"]]
    assert distinct(texts, 1) == pytest.approx(2 / 5)
    assert distinct(texts, 2) == pytest.approx(2 / 3)  # ab, ba, ba
    assert distinct(texts, 3) == 1
    assert distinct(texts, 4) == 0  # there are none


def test_repetition_within_a_text_is_not_between_texts():
    again = [*"abcdeabcde"]
    assert repeated_share([again, [*"fghij"]]) == 0
    assert repeated_share([again, [*"xabcde"], ["f"]]) == pytest.approx(2 / 3)


def test_overlapping_phrases_are_named_once():
    texts = [["it", "is", "one", "of", "the", "best", "films", name] for name in "abc"]
    texts += [["what", "could", "have", "been", "a", name] for name in "ab"]
    found = most_repeated(texts, 5)
    assert found == [("is one of the best", 3), ("what could have been a", 2)]
    assert most_repeated(texts, 1) == found[:1]
    assert most_repeated([["a"], ["b"]], 5) == []


def test_compression_takes_any_character():
    assert compression_ratio(["\ud800 很好", "😀"]) > 0


def test_the_vendi_score_counts_different_texts():
    words = ["film", "story", "script", "cast"]
    assert len({row.argmax() for row in bag_of_words(words)}) == 4  # none share a place
    assert vendi_score(bag_of_words(words * 3)) == pytest.approx(4, rel=0.02)
