import pytest

from labelmint.rules.form import FormContext, missing_slot
from tests.builders import candidate, card, labelled, section

TABLE = {"path": "facts.csv", "words": "in {city}", "must_occur": "city"}


def broken(text, value, table=TABLE, **more):
    context = FormContext(section("filter"), card(facts=table), [labelled("negative", 1)])
    return missing_slot(candidate(1, text, values={"city": value}, **more), context)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a table in new york, please", "New York"),
        ("is it cold in Saint-Denis?", "Saint‐Denis"),  # another hyphen
        ("what ' s on in king ' s lynn", "King's Lynn"),
        ("我想去北京吃饭", "北京"),
        ("book a table", "!"),  # no words, which nothing can lack
    ],
)
def test_the_value_is_found_whatever_its_case_and_marks(text, value):
    assert broken(text, value) is None


@pytest.mark.parametrize("text", ["a table in york", "new yorkers eat", "york is new to me", ""])
def test_a_text_without_all_words_in_their_order_is_rejected(text):
    assert broken(text, "New York") == {"value": "New York"}


def test_only_values_that_must_occur_are_looked_for():
    assert broken("a table", "Paris", {**TABLE, "must_occur": None}) is None
    assert broken("a table", "Paris", None) is None
    context = FormContext(section("filter"), card(facts=TABLE), [])
    assert missing_slot(candidate(1, "by few_shot", values={}), context) is None


def test_either_text_of_a_pair_may_have_it():
    assert broken("a table", "Paris", text_pair="so you are in Paris") is None
    assert broken("a table", "Paris", text_pair="so you are hungry") == {"value": "Paris"}
