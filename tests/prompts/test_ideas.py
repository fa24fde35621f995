from itertools import cycle

import pytest

from labelmint.core.errors import DataError
from labelmint.llm.base import Completion
from labelmint.prompts.ideas import (
    IDEAS,
    Question,
    by_kind,
    card_ideas,
    collect,
    question_prompt,
    questions,
    rank,
)
from tests.builders import card
from tests.fake_model import FakeModel
from tests.generation.helpers import config

TOPIC = Question("topic", "negative")
LISTS = [
    "the acting, plot holes, a dull score, cut",
    "acting, plot holes, cut",
    "The acting, camera work, cut",
]


def asked(*lists):
    """Return a model that answers with these lists in turn."""
    answers = cycle(lists)
    return FakeModel(writer=lambda *_: Completion(next(answers), 9, "length"))


def values(ideas, kind, label):
    return [idea["value"] for idea in ideas if (idea["kind"], idea["label"]) == (kind, label)]


def test_what_most_lists_name_comes_first():
    assert rank(LISTS, card(), TOPIC) == [
        ("the acting", 3),
        ("plot holes", 2),
        ("a dull score", 1),
        ("camera work", 1),
    ]


@pytest.mark.parametrize(
    "item",
    [
        "negative",  # a label
        "a good film review",  # what is asked about
        "the wine list",  # of the prompt's own examples
        "password recovery 2",
        "one two three four five six",
        "",
        "a",
        'said "so"',
        "topic: plot",
    ],
)
def test_unusable_items_are_left_out(item):
    assert rank([f"{item}, plot holes, cut"], card(), TOPIC) == [("plot holes", 1)]


def test_a_list_names_an_item_once():
    assert rank(["acting, the acting, acting, cut"], card(), TOPIC) == [("acting", 1)]


def test_lists_may_have_wide_commas():
    assert rank(["演员，情节、音乐, cut"], card(), TOPIC) == [("演员", 1), ("情节", 1), ("音乐", 1)]


def test_the_lists_of_the_card_are_taken_as_they_are():
    the_card = card(
        topics=["the plot", "the\n music"],
        personas=["a nurse"],
        attributes={"length": ["short"], "tone": {"negative": ["bitter"], "positive": ["warm"]}},
    )
    assert card_ideas(the_card) == {
        ("topic", ""): ["the plot", "the music"],
        ("persona", ""): ["a nurse"],
        ("length", ""): ["short"],
        ("tone", "negative"): ["bitter"],
        ("tone", "positive"): ["warm"],
    }
    model = FakeModel()
    ideas = collect(config(), the_card, ["topic", "tone"], model)
    assert model.waves_written == 0
    assert {idea["lists"] for idea in ideas} == {0}
    assert {idea["kind"] for idea in ideas} == {"topic", "tone"}
    assert by_kind(ideas)["topic", ""] == ["the plot", "the music"]


@pytest.mark.parametrize(
    ("changes", "kind", "labels"),
    [
        ({}, "topic", ["negative", "positive"]),
        ({}, "persona", [""]),
        ({}, "actor", ["negative", "positive"]),
        ({"topics": ["the plot"]}, "topic", []),
        ({"attributes": {"topic": {"negative": ["plot"]}}}, "topic", ["positive"]),
        ({"attributes": {"persona": {"negative": ["a nurse"]}}}, "persona", [""]),
        ({"attributes": {"style": {"negative": ["dry"], "positive": ["warm"]}}}, "style", []),
    ],
)
def test_only_lists_that_the_card_lacks_are_asked_for(changes, kind, labels):
    assert questions(card(**changes), [kind, kind]) == [Question(kind, label) for label in labels]


def test_lists_are_asked_for_once_and_then_known():
    model = asked(*LISTS)
    ideas = collect(config(), card(), ["topic"], model)
    assert model.waves_written == 2  # one for each label
    assert values(ideas, "topic", "negative") == ["the acting", "plot holes", "a dull score", "camera work"]
    assert all(idea["lists"] > 0 for idea in ideas)
    again = asked("nothing")
    assert collect(config(), card(), ["topic"], again) == ideas
    assert again.waves_written == 0


def test_the_values_that_most_lists_name_are_taken():
    names = ["acting", "plot", "dialogue", "camera", "ending", "cast", "script", "sound", "pace", "tone"]
    names += ["humour", "effects", "costumes", "stunts"]
    assert len(names) > IDEAS
    lists = [f"{', '.join(names[: len(names) - number])}, cut" for number in range(5)]
    assert values(collect(config(), card(), ["topic"], asked(*lists)), "topic", "negative") == names[:IDEAS]


def test_too_few_usable_values_are_an_error_that_says_what_to_give():
    with pytest.raises(DataError) as caught:
        collect(config(), card(), ["topic"], asked("only this, that one, cut"))
    message = str(caught.value)
    assert message.startswith("params.yaml: generate.method: the model names only 2 usable values of 'topic'")
    assert "for 'negative'; give them in the task card (topics)" in message
    with pytest.raises(DataError, match=r"for 'the task'; .*\(attributes\.style\)"):
        collect(config(), card(), ["style"], asked(""))


def test_the_question_is_the_task_s_own_and_ends_the_prompt():
    assert question_prompt(card(), TOPIC, None).endswith("\n\nWhat a negative film review can be about:")
    assert question_prompt(card(text_name="email"), Question("persona", ""), None).endswith(
        "\n\nWho writes an email:"
    )
    assert question_prompt(card(), Question("actor", "positive"), None).endswith(
        "The actor in a positive film review:"
    )
    chat = question_prompt(card(), TOPIC, FakeModel(kind="chat").chat_prompt)
    assert chat.endswith("<assistant>What a negative film review can be about:")
