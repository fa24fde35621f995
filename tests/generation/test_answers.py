import pytest

from labelmint.generation.answers import one_line, parse_answer, stop_text
from labelmint.prompts.spec import PromptSpec
from tests.builders import card
from tests.generation.helpers import PAIR_CARD, config

PAIRED = card(**PAIR_CARD)


def parse(text, spec=None, the_card=None, **changes):
    return parse_answer(config(**changes), the_card or card(), spec or PromptSpec("negative"), text)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("two\n lines", "two lines"),
        ("a\0b\0", "a b"),
        ("a\r\nb\u2028c\x85d", "a b c d"),
        ('"quoted"', "quoted"),
        ("“quoted” ", "quoted"),
        ('the end"', "the end"),  # the prompt opened the quotation
        ('the "end"', 'the "end"'),
        ('"one" and "two"', '"one" and "two"'),
        ('"', ""),
        ('""', ""),
        ('"open', '"open'),
        ("it's", "it's"),
        ("„Guter Film“", "Guter Film"),
        ("「很好的电影。」", "很好的电影。"),
        ("他说「很好」", "他说「很好」"),
    ],
)
def test_a_text_is_one_line_without_quotation_marks_around_it(written, text):
    assert one_line(written) == text
    assert one_line(text) == text


@pytest.mark.parametrize(
    ("changes", "the_card", "has_rows", "stop"),
    [
        ({}, card(), True, "\n"),
        ({}, card(), False, "\n"),
        ({"order": "text_first"}, card(), True, "\n\n"),
        ({}, PAIRED, True, "\n"),
        ({}, PAIRED, False, "\n\n"),
        ({"pairs": "both"}, PAIRED, True, "\n\n"),
        ({"pairs": "both"}, card(), True, "\n"),
    ],
)
def test_an_answer_ends_with_its_line_or_after_its_fields(changes, the_card, has_rows, stop):
    assert stop_text(config(**changes), the_card, has_rows=has_rows) == stop


def test_a_template_stands_before_what_was_written_after_it():
    spec = PromptSpec("negative", start="The plot is")
    assert parse(" too thin", spec) == ("The plot is too thin", None, "negative")


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("fine\nSentiment: positive", "positive"),
        ("fine\nSentiment: Positive.", "positive"),
        ("fine\nSentiment:  positive\nFilm review: more", "positive"),
        ("fine\nSentiment：positive。", "positive"),
        ("fine\nSentiment: rather positive", ""),
        ("fine\nSentiment:", ""),
        ("fine", ""),
    ],
)
def test_text_first_the_label_is_what_the_model_says(written, label):
    assert parse(written, order="text_first") == ("fine", None, label)


def test_a_label_of_signs_is_told_from_one_without():
    labels = {name: {"name": name, "phrase": name} for name in ("C", "C++", "C#")}
    for name in labels:
        assert parse(f"code\nSentiment: {name}.", the_card=card(labels=labels), order="text_first")[2] == name


def test_a_second_text_is_written_to_a_given_first_one():
    spec = PromptSpec("negative", first_text="A man walks.", start="Nobody")
    assert parse("walks .", spec, PAIRED) == ("A man walks.", "Nobody walks .", "negative")


@pytest.mark.parametrize("head", ["Hypothesis (negative):", "Hypothesis (negative): "])
def test_both_texts_of_a_pair_are_told_apart(head):
    written = f'A man walks."\n{head}"Nobody walks."'
    assert parse(written, None, PAIRED, pairs="both") == ("A man walks.", "Nobody walks.", "negative")


def test_a_pair_without_its_second_text_has_an_empty_one():
    assert parse("A man walks.", None, PAIRED, pairs="both") == ("A man walks.", "", "negative")


def test_text_first_a_pair_may_have_a_given_first_text_or_none():
    order = {"order": "text_first"}
    given = PromptSpec("negative", first_text="A man walks.")
    assert parse("He runs.\nRelation: positive", given, PAIRED, **order) == (
        "A man walks.",
        "He runs.",
        "positive",
    )
    written = "A man walks.\nHypothesis: He runs.\nRelation: positive"
    assert parse(written, None, PAIRED, **order) == ("A man walks.", "He runs.", "positive")
