import pytest

from labelmint.core.records import Labelled
from labelmint.tasks.cards import Excerpt
from labelmint.tasks.texts import clean, cut, deduplicate, key_of


def excerpt(words, side):
    return Excerpt.model_validate({"words": words, "from": side})


@pytest.mark.parametrize(
    ("side", "text", "expected"),
    [
        ("start", "a b c d e f. g h i j k", "a b c d e f."),  # in the last third of nine words
        ("start", "a b c d e f g. h! i j k", "a b c d e f g. h!"),
        ("start", "a b c. d e f g h i j k", "a b c. d e f g h i"),  # too early
        ("start", "a b c d e f g h i. j k", "a b c d e f g h i."),
        ("start", "a b c d e f g Mr. i j k", "a b c d e f g Mr. i"),
        ("start", 'a b c d e f "g?" h i j k', 'a b c d e f "g?"'),
        ("end", "a b c d. e f g h i j k", "e f g h i j k"),
        ("end", "a b. c d. e f g h i j k", "c d. e f g h i j k"),  # the text may begin where a sentence does
        ("end", "a b c d e f. g h i j k l", "g h i j k l"),
        ("end", "a b c d e f g. h i j k", "c d e f g. h i j k"),  # too late
        ("end", "a b c d e f g h i", "a b c d e f g h i"),
        ("start", "a b", "a b"),
        ("start", "铲子很好。手感轻便，挖土省力。", "铲子很好。手感轻便，挖"),  # too early
        ("start", "这把铲子非常好用。挖土省力。", "这把铲子非常好用。"),
        ("end", "真好。这把铲子非常好用。", "这把铲子非常好用。"),
        ("start", "เบามือและขุดดินได้ง่ายมาก", "เบามือและขุดดินได้"),
        ("start", "用iPhone订购「铲子和耙子」的人", "用iPhone订购「铲子和耙子」"),
    ],
)
def test_long_texts_are_cut_at_a_sentence_where_one_is_near(side, text, expected):
    assert cut(text, excerpt(9, side)) == expected


def test_without_an_excerpt_texts_stay_whole():
    assert cut("a " * 500, None) == "a " * 500


@pytest.mark.parametrize("tag", ["<br />", "<br>", "<BR/>", "<br /><br />"])
def test_line_breaks_of_html_are_spaces(tag):
    assert clean(f"one.{tag}Two") == "one. Two"


def pair(number, text, second, label="positive"):
    return Labelled(id=f"r{number}", text=text, text_pair=second, label=label)


def test_pairs_are_the_same_only_if_both_texts_are():
    rows = [
        pair(0, "a", "b"),
        pair(1, "a", "c"),
        pair(2, "A", "B"),
        pair(3, "a", ""),
        pair(4, "", "b"),
        pair(5, "x", "y"),
        pair(6, "x", "Y", "negative"),
        pair(7, "b", "a"),
        pair(8, "t", "u"),
    ]
    kept, left_out = deduplicate(rows, {("t", "u"), ("a", "z")})
    assert [row["id"] for row in kept] == ["r0", "r1", "r7"]
    assert left_out == {"empty": 2, "duplicate": 1, "contradicting_labels": 2, "in_test": 1}


def test_a_text_in_another_unicode_form_is_the_same():
    other = "ＣＡＦÉ “noir”\u00a0- so go\u00adod"
    rows = [
        Labelled(id="r0", text='Café "Noir" - so good', label="good"),
        Labelled(id="r1", text=other, label="good"),
    ]
    assert deduplicate(rows)[1]["duplicate"] == 1
    rows[1]["label"] = "bad"
    assert deduplicate(rows)[1]["contradicting_labels"] == 2
    assert deduplicate(rows[:1], {key_of(rows[1])})[1]["in_test"] == 1


def test_a_text_of_invisible_characters_is_empty():
    row = Labelled(id="r0", text="\u200b\ufeff\u00ad", label="good")
    assert deduplicate([row])[1]["empty"] == 1
