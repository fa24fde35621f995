import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmint.core.words import count_words, fold, join, spans, words_of


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Café Ünal", "CAFE\u0301 U\u0308NAL"),
        ("가나다", unicodedata.normalize("NFD", "가나다")),
        ("Film 12!", "Ｆｉｌｍ　１２！"),
        ("ハンバーグ", "ﾊﾝﾊﾞｰｸﾞ"),
        ("a fine film", "\ufeffa fi\u200bne\u00a0film\u200e"),
        ("cooperate", "co\u00adoperate"),
        ('"It\'s fine"', "“It’s fine”"),
        ("well-made - so far", "well\u2011made – so far"),
        ("office", "oﬃce"),
        ("so good ❤", "so good ❤️"),
        ("straße", "STRASSE"),
    ],
)
def test_texts_in_another_form_are_the_same(text, other):
    assert fold(text) == fold(other)
    assert words_of(text) == words_of(other)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("resume", "résumé"),
        ("its", "it's"),
        ("a way", "away"),
        ("很好", "很 好"),
        ("fine", "fine!"),
        ("", "a"),
    ],
)
def test_other_texts_are_not(text, other):
    assert fold(text) != fold(other)


@settings(max_examples=30)
@given(st.text(max_size=40))
def test_a_form_has_no_other_form(text):
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a fine film . . . indeed !", ["a", "fine", "film", ".", ".", ".", "indeed", "!"]),
        (
            "It isn’t so\u00adft, 3.5 👨\u200d👩\u200d👧",
            ["It", "isn’t", "so\u00adft,", "3.5", "👨\u200d👩\u200d👧"],
        ),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("यह हिन्दी है।", ["यह", "हिन्दी", "है।"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("他说：「很好」，iPhone手机。", ["他", "说：", "「很", "好」，", "iPhone", "手", "机。"]),
        ("このシャベルー！", ["こ", "の", "シ", "ャ", "ベ", "ルー！"]),
        ("เบามือ และขุด", ["เบา", "มื", "อ", "และ", "ขุ", "ด"]),
        ("ສະບາຍດີ", ["ສະ", "ບາ", "ຍ", "ດີ"]),
        ("សួស្តី", ["សួ", "ស្តី"]),
        ("ကောင်းတယ်", ["ကော", "င်း", "တ", "ယ်"]),
        ("བཀྲ་ཤིས།", ["བཀྲ་", "ཤིས།"]),
    ],
)
def test_words_stand_between_spaces_or_are_characters(text, words):
    assert [text[start:end] for start, end in spans(text)] == words
    assert count_words(text) == len(words)


def test_a_beginning_is_joined_as_its_script_does():
    assert join("a fine", "film") == "a fine film"
    assert join("很好", "的电影") == "很好的电影"
