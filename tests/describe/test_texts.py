import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.describe.texts import common_words, cut, draws, words_of, written_part


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" , ... !? ", []),
        ("It isn't a Film , it's ‘art’ !", ["it", "isn't", "a", "film", "it's", "art"]),
        ("ＦＩＬＭ so\u00adft don’t", ["film", "soft", "don't"]),
        ("snake_case 3.5 stars", ["snake", "case", "3", "5", "stars"]),
        ("Größe ÉTÉ", ["grösse", "été"]),
        ("e\u0301te\u0301", ["été"]),  # accents as characters of their own
        ("यह हिन्दी है", ["यह", "हिन्दी", "है"]),
        ("很好的电影。", ["很", "好", "的", "电", "影"]),
        ("映画 film", ["映", "画", "film"]),
        ("❤️ 👍🏽 wow", ["wow"]),
    ],
)
def test_words_are_what_is_written(text, words):
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("one, two; three.", 2, "one, two"),
        ("one, two; three.", 3, "one, two; three"),
        ("one, two; three.", 4, None),
        ("", 1, None),
        ("很好的电影。", 3, "很好的"),
    ],
)
def test_a_text_is_cut_after_its_last_word(text, words, expected):
    assert cut(text, words) == expected


@given(st.text(), st.integers(1, 5))
def test_a_cut_text_has_as_many_words_and_begins_like_the_text(text, words):
    found = cut(text, words)
    if len(words_of(text)) < words:
        assert found is None
    else:
        assert found is not None
        assert text.startswith(found)
        assert words_of(found) == words_of(text)[:words]
        assert unicodedata.is_normalized("NFC", " ".join(words_of(found)))


def test_three_quarters_of_every_set_have_the_common_words():
    left, right = list(range(1, 101)), list(range(50, 60))
    words = common_words([left, right])
    assert sum(count >= words for count in left) >= 75
    assert sum(count >= words for count in right) >= 7
    assert words == 25
    assert common_words([[], [7]]) == 7
    assert common_words([[], []]) == 1
    assert common_words([[0, 0, 3]]) == 1  # texts without a word are never of equal length with others


def test_samples_are_disjoint_within_the_real_rows_and_differ():
    drawn = list(draws(20, 12, 10, 2, seed=1))
    for reference, own, others in drawn:
        assert sorted([*reference, *own]) == list(range(20))
        assert len(set(others.tolist())) == 10
    assert drawn[0][0].tolist() != drawn[1][0].tolist()
    again = list(draws(20, 12, 10, 2, seed=1))
    assert all(
        np.array_equal(a, b) for x, y in zip(drawn, again, strict=True) for a, b in zip(x, y, strict=True)
    )
    reference, own, others = next(draws(0, 12, 10, 1, seed=1))
    assert (len(reference), len(own), len(others)) == (0, 0, 10)


def pair(first, second):
    return {"id": first, "text": first, "text_pair": second}


def test_of_pairs_the_texts_that_were_written_are_described():
    real = [pair("a", "b"), pair("c", "d")]
    name, written = written_part(real, [pair("a", "x"), pair("a", "y")])
    assert name == "text_pair"
    assert [written(row) for row in real] == [("b",), ("d",)]
    name, written = written_part(real, [pair("a", "x"), pair("new", "y")])
    assert name == "text, text_pair"
    assert written(real[0]) == ("a", "b")
    name, written = written_part(real, [{"id": "1", "text": "a"}])
    assert name == "text"
    assert written({"id": "1", "text": "a"}) == ("a",)
