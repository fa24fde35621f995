from pkgutil import resolve_name

import pytest

from labelmint.rules.form import FormContext
from labelmint.rules.registry import RULES
from tests.builders import candidate, card, labelled
from tests.rules.helpers import settings

REAL = ["a slow but honest film", "bright, loud and silly"]
RUSSIAN = "медленный, но честный фильм"
UNSPACED = [
    "这把铲子手感轻便，挖土很省力。",
    "ช้อนปลูกอันนี้เบามือและขุดดินได้ง่าย",
    "この熊手は軽くて、とても使いやすいです。",
]


def verdict(text, real=REAL, the_card=None, **changes):
    """Return the first form rule that the text breaks and the evidence, or None."""
    row = candidate(1, text, **changes)
    train = [labelled("negative", number, shown) for number, shown in enumerate(real)]
    context = FormContext(settings().filter, the_card or card(), train)
    for name, each in RULES.items():
        evidence = resolve_name(each.function)(row, context) if each.scope == "row" else None
        if evidence is not None:
            return name, evidence
    return None


def rule(*arguments, **changes):
    result = verdict(*arguments, **changes)
    return result and result[0]


@pytest.mark.parametrize("text", ["", "...", "😀 !!! 🎬", "— “” —", ". . . ! ! !"])
def test_texts_without_a_letter_or_digit_are_empty(text):
    assert verdict(text) == ("empty", {})


def test_cut_off_texts_say_how_many_tokens_they_took():
    assert verdict("a text that goes on and", finish_reason="length", tokens=64) == (
        "cut_off",
        {"tokens": 64},
    )


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("half a \ufffd token here", r"'\ufffd'"),
        ("a \x96 dash of cp1252", r"'\x96'"),
        ("a bell \x07 and an escape \x1b here", r"'\x07\x1b'"),
        ("lone \ud83d half of an emoji", r"'\ud83d'"),
    ],
)
def test_garbled_texts_show_the_characters(text, characters):
    assert verdict(text) == ("garbled", {"characters": characters})


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a fine film. Negative film review: a dull one", "Negative film review:"),
        ("film review: a fine film", "film review:"),
        ("a fine one FILM REVIEW : a dull one", "FILM REVIEW :"),
        ("(positive film review: a fine one)", "positive film review:"),
        ("Here are some sentences from film reviews by critics", "Here are some sentences from film reviews"),
        ("<|im_start|>assistant a fine film", "<|im_start"),
        ("a fine film all in all<|im_end|>", "<|im_end"),
    ],
)
def test_pieces_of_the_prompt_are_an_echo(text, match):
    name, evidence = verdict(text)
    assert name == "prompt_echo"
    assert match in evidence["match"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a dull film. Sentiment: negative", "Sentiment:"),
        ("it is dull , sentiment : bad", "sentiment :"),
        ("positive: a fine film", "positive:"),
        ("  Negative — a dull film", "Negative —"),
        ("* Positive : a fine film", "* Positive :"),
        ("a dull film (negative)", "(negative)"),
        ("a fine film [ Positive ]", "[ Positive ]"),
        ("a film rated positive by all", "rated positive"),
        ("the label is negative here", "label is negative"),
        ("labelled as negative by us", "labelled as negative"),
        ("a fine film, rating: positive", "rating: positive"),
    ],
)
def test_a_label_said_as_a_label_leaks(text, match):
    assert verdict(text) == ("label_leak", {"match": match})


@pytest.mark.parametrize(
    "text",
    [
        "a positive surprise from start to end",
        "positive reviews abound for this one",
        "positive, warm and funny",
        "a negative review of the studio's habits",
        '"negative" is not the word for it',
        "the negatives (few) are small",
        "(positively) charming little film",
        "positively: the best of the year",
        "the sentiment is rather sweet",
        "no sentiment, just facts: dates and names",
        "sentimental: a tear for every scene",
        "an x-rated comedy of manners",
        "she rated it highly",
        "labels are for jars",
        "the film reviewer: a dying breed",
        "the last film review she ever wrote",
        "here are some good sentences for you",
        "they read “negative reviews” and laughed",
        "he says: go and see it",
        "50 % plot, 50 % songs: enough",
        "1 < 2 and 3 > 2, she said",
    ],
)
def test_ordinary_texts_pass(text):
    assert verdict(text) is None


def test_labels_with_special_characters_are_taken_literally():
    labels = {"1": {"name": "cpp", "phrase": "C++ (new)"}, "2": {"name": "any", "phrase": "a.c"}}
    code = card(text_name="question", question="Topic?", labels=labels)
    assert rule("C++ (new): how to begin", the_card=code) == "label_leak"
    assert rule("a.c question: how to begin", the_card=code) == "prompt_echo"
    assert rule("abc: how to begin", the_card=code) is None


@pytest.mark.parametrize(("words", "broken"), [(2, "too_short"), (3, None), (20, None), (21, "too_long")])
def test_texts_have_a_least_and_a_greatest_length(words, broken):
    text = " ".join(f"w{number}" for number in range(words))
    assert verdict(text) == (broken and (broken, {"words": words}))


@pytest.mark.parametrize(
    ("text", "real", "broken"),
    [
        (RUSSIAN, REAL, "foreign_script"),
        ("это film о войне", REAL, "foreign_script"),
        ("这 是 一部 好 电影", REAL, "foreign_script"),
        ("a late film by Тарк, restored and shown again at last", REAL, None),
        ("the “π” of the title is a number, not a pie", REAL, None),
        ("café, naïve, façade, Łódź", REAL, None),
        ("1 234 567", REAL, None),
        ("ａ ｆｉｎｅ ｆｉｌｍ", REAL, None),  # full width
        (RUSSIAN, [*REAL, RUSSIAN], None),
        ("a slow but honest film", [RUSSIAN], "foreign_script"),
        ("这 是 一部 好 电影", ["一 二 三"], None),
    ],
)
def test_scripts_are_foreign_unless_the_real_rows_have_them(text, real, broken):
    assert rule(text, real) == broken


def test_foreign_letters_are_counted_as_evidence():
    _, evidence = verdict("это film о войне")
    assert evidence == {"scripts": {"CYRILLIC": 9}, "share": round(9 / 13, 3)}


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("so very long so very long so very long", {"words": "so very long", "times": 3}),
        ("ha ha ha ha ha", {"words": "ha ha ha", "times": 3}),
        ("so very long and so very long indeed", None),
        ("ha ha ha ha", None),
        ("这部电影好，这部电影新，这部电影长", None),
        ("非常好的电影" * 3, {"words": "非 常 好 的 电 影", "times": 3}),
    ],
)
def test_three_words_said_three_times_are_repetitive(text, evidence):
    assert verdict(text, [*REAL, UNSPACED[0]]) == (evidence and ("repetitive", evidence))


CHINESE = card(
    text_name="评论",
    question="情绪",
    labels={"good": {"name": "good", "phrase": "满意"}, "bad": {"name": "bad", "phrase": "不满意"}},
)


@pytest.mark.parametrize(
    "text", ["很好的铲子，邻居也喜欢。", "คราดอันนี้พังเช้าวันที่สอง", "このシャベルは壊れました。"]
)
def test_texts_without_spaces_have_many_words(text):
    real = [*UNSPACED, "“OK” 都说 Good"]
    assert rule(text, real, CHINESE) is None
    assert rule(text * 9, real, CHINESE) in ("too_long", "repetitive")
    assert rule(text[:2], real, CHINESE) == "too_short"


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("铲子很好用。情绪：满意", "label_leak"),
        ("铲子很好用（满意）", "label_leak"),
        ("评论：铲子很好用", "prompt_echo"),
        ("我对这把铲子很满意", None),
    ],
)
def test_labels_and_headers_are_found_with_wide_punctuation(text, broken):
    assert rule(text, UNSPACED, CHINESE) == broken


def test_texts_from_right_to_left_and_with_marks_pass():
    real = ["هذا المجراف خفيف وسهل الاستعمال", "यह फावड़ा हल्का और मज़बूत है"]
    assert rule("وصل المنتج مكسورا في اليوم الثاني", real) is None
    assert rule("दूसरे दिन ही टूट गया 👩\u200d🌾", real) is None
