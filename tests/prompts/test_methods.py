import random

import pytest

from labelmint.core.errors import ParamsError
from labelmint.core.slots import slots
from labelmint.prompts.methods import METHODS, idea_kinds, method_shares
from labelmint.prompts.spec import Context
from tests.builders import REPOSITORY, card
from tests.fake_model import FakeModel
from tests.generation.helpers import FACTS, IDEAS, PAIR_CARD, PAIRS, ROWS, TABLE, TEXTS, config, flat, planned

CHAT = FakeModel(kind="chat").chat_prompt
SHOWN = {"zero_shot": 0, "zero_shot_topic": 0, "one_shot": 1}


def spec(method, rows=ROWS, the_card=None, ideas=IDEAS, label="negative", number=0, **changes):
    the_card = the_card or card(facts=TABLE)
    by_label = {name: [row for row in rows if row["label"] == name] for name in the_card.label_names}
    facts = dict.fromkeys(the_card.label_names, FACTS)
    context = Context(config(**changes), the_card, by_label, ideas, facts)
    return METHODS[method].make_spec(label, random.Random(number), context)


@pytest.mark.parametrize("method", METHODS)
def test_the_docs_say_what_each_method_shows(method):
    docs = (REPOSITORY / "docs/explanation/prompt_methods.md").read_text(encoding="utf-8")
    assert f"| `{method}` | {METHODS[method].summary} |" in docs


@pytest.mark.parametrize("method", ["zero_shot", "zero_shot_topic", "attributes", "persona", "grounded"])
def test_methods_that_need_no_rows_show_none_where_there_are_none(method):
    without = spec(method, rows=[])
    assert without.demonstrations == ()
    assert without == spec(method, rows=[], demonstrations=0)


@pytest.mark.parametrize("method", ["attributes", "persona", "template", "grounded"])
def test_no_demonstrations_are_shown_if_none_are_wanted(method):
    assert spec(method, demonstrations=0).demonstrations == ()


@pytest.mark.parametrize("template", [None, CHAT])
@pytest.mark.parametrize(
    ("method", "modifiers"),
    [
        ("zero_shot", []),
        ("one_shot", []),
        ("few_shot", []),
        ("zero_shot_topic", ["about the plot"]),
        ("attributes", ["about the plot", "short and dry", "by a nurse"]),
        ("persona", ["by a nurse"]),
        ("template", []),
    ],
)
def test_the_prompt_says_label_and_values_before_the_text(template, method, modifiers):
    each = flat(planned(template=template, methods={method: 1.0}))[0]
    lines = each.prompt["text"].split("\n")
    last = lines[-1].casefold().replace("<assistant>", "")
    assert "negative film review" in last
    assert [one for one in ["about the plot", "short and dry", "by a nurse"] if one in last] == modifiers
    begun = method == "template"  # the rows of these tests are so short that an opening is all of one
    assert sum(text in each.prompt["text"] for text in TEXTS.values()) == SHOWN.get(method, 3) + begun
    if template:
        request = each.prompt["text"].partition("</user>")[0]
        assert all(modifier in request for modifier in modifiers)


def test_a_chat_model_is_asked_for_a_short_text_where_few_tokens_are_allowed():
    few, many = (flat(planned(template=CHAT, max_new_tokens=count))[0] for count in (64, 200))
    assert "in one short sentence" in few.prompt["text"]
    assert "on one line" in many.prompt["text"]


def test_a_label_that_is_written_in_capitals_stays_so():
    labels = {name: {"name": name, "phrase": name} for name in ("US politics", "sport")}
    each = flat(planned([], card(labels=labels), methods={"zero_shot": 1.0}))[0]
    assert each.prompt["text"].endswith("\nUS politics film review:")


def test_templates_are_filled_and_recorded():
    the_card = card(templates=["The {topic} of this film,\n by {writer}, is"])
    ideas = {("topic", "negative"): ["plot {x}"], ("writer", ""): ["a nurse"]}
    asked = spec("template", the_card=the_card, ideas=ideas)
    assert asked.start == "The plot {x} of this film, by a nurse, is"
    wanted = {
        "template": "The {topic} of this film, by {writer}, is",
        "topic": "plot {x}",
        "writer": "a nurse",
    }
    assert asked.values == wanted


def test_templates_may_differ_by_label():
    the_card = card(templates={"negative": ["Sadly,"]})
    assert spec("template", the_card=the_card).start == "Sadly,"
    assert spec("template", the_card=the_card, label="positive").start.startswith("positive-text")


def test_the_openings_of_rows_that_are_not_shown_are_the_templates():
    rows = [{**row, "text": f"a b {row['id']} d e"} for row in ROWS]
    for number in range(20):
        asked = spec("template", rows=rows, number=number)
        assert asked.start.startswith("a b r")
        assert len(asked.start.split()) == 3
        assert not any(row["text"].startswith(asked.start) for row in asked.demonstrations)
        assert asked.values == {"template": f"{asked.start} …"}


@pytest.mark.parametrize(
    "text", ["{", "a } b", "{topic", "{}", "{a.b}", "{a!r}", "{{topic}}", "{ topic}", "{a:>3}"]
)
def test_a_stray_brace_in_a_template_is_an_error_that_names_the_card(text):
    with pytest.raises(ParamsError, match=r"data/tasks/films\.yaml: templates: .* belongs to no slot"):
        METHODS["template"].check(config(), card(templates={"positive": ["fine {topic}", text]}), "films")


def test_slots_are_found_once():
    assert slots("{a} {b c} {a}") == ["a", "b c"]


@pytest.mark.parametrize(
    ("method", "the_card", "wanted"),
    [
        ("few_shot", {}, []),
        ("zero_shot_topic", {}, ["topic"]),
        ("persona", {}, ["persona"]),
        ("attributes", {}, ["topic", "style", "persona"]),
        ("attributes", {"attributes": {"length": ["short"], "tone": ["dry"]}}, ["length", "tone"]),
        ("template", {}, []),
        ("template", {"templates": ["{actor} in {place}", "{place}"]}, ["actor", "place"]),
    ],
)
def test_methods_say_which_lists_they_draw_from(method, the_card, wanted):
    assert idea_kinds([method], card(**the_card)) == wanted


@pytest.mark.parametrize("kind", ["tone", "a{b}", "tone {"])
def test_a_value_of_a_kind_without_words_of_its_own_is_said_by_its_name(kind):
    asked = spec("attributes", the_card=card(attributes={kind: ["dry"]}), ideas={(kind, ""): ["dry"]})
    assert asked.modifiers == (f"{kind}: dry",)


@pytest.mark.parametrize(
    ("method", "recommended", "rows", "used"),
    [
        ("auto", None, 5, {"few_shot": 1}),
        ("auto", None, 0, {"zero_shot": 1}),
        ("auto", "persona", 5, {"persona": 1}),
        ("auto", "one_shot", 0, {"zero_shot": 1}),
        ("auto", "attributes", 0, {"attributes": 1}),
        ("one_shot", "persona", 5, {"one_shot": 1}),
        ({"few_shot": 0.75, "persona": 0.25, "zero_shot": 0.0}, None, 5, {"few_shot": 0.75, "persona": 0.25}),
    ],
)
def test_the_methods_that_are_used(method, recommended, rows, used):
    shares = method_shares(config(method=method), card(method=recommended), "films", rows)
    assert shares == pytest.approx(used)


@pytest.mark.parametrize(
    ("changes", "recommended", "rows", "message"),
    [
        ({"method": "few_shot"}, None, 0, "params.yaml: generate.method: few_shot shows real rows"),
        ({"method": {"persona": 0.5, "one_shot": 0.5}}, None, 0, "generate.method: one_shot shows real rows"),
        ({}, "clever", 5, "data/tasks/films.yaml: method: no method 'clever'; there are zero_shot, "),
        ({"demonstrations": 0}, None, 5, "params.yaml: generate.demonstrations: few_shot shows real rows"),
        ({"order": "text_first"}, "persona", 5, "params.yaml: generate.order: text_first shows labelled"),
        ({"order": "text_first"}, None, 0, "params.yaml: generate.order: text_first shows labelled"),
    ],
)
def test_methods_that_do_not_go_with_rows_or_settings(changes, recommended, rows, message):
    with pytest.raises(ParamsError) as caught:
        method_shares(config(**changes), card(method=recommended), "films", rows)
    assert message in str(caught.value)


@pytest.mark.parametrize("template", [None, CHAT])
def test_a_second_text_is_written_to_the_first_text_of_a_row_that_is_not_shown(template):
    for each in flat(planned(PAIRS, card(**PAIR_CARD), template, {"few_shot": 0.5, "persona": 0.5})):
        assert each.spec.first_text in {row["text"] for row in PAIRS}
        assert each.spec.first_text not in {row["text"] for row in each.spec.demonstrations}
        modifier = " by a nurse" if each.prompt["method"] == "persona" else ""
        end = f"Premise: {each.spec.first_text}\nHypothesis{modifier} ({each.prompt['label']}):"
        assert each.prompt["text"].endswith(end)
        for row in each.spec.demonstrations:
            second = f"Hypothesis ({row['label']}): {row['text_pair']}"
            assert f"Premise: {row['text']}\n{second}" in each.prompt["text"]


@pytest.mark.parametrize("rows", [PAIRS, []])
@pytest.mark.parametrize("template", [None, CHAT])
def test_both_texts_of_a_pair_can_be_written(rows, template):
    method = "few_shot" if rows else "zero_shot"
    for each in flat(planned(rows, card(**PAIR_CARD), template, {method: 1.0}, pairs="both")):
        assert each.spec.first_text == ""
        assert each.prompt["text"].endswith("Premise:")


def test_a_template_begins_the_text_that_is_written():
    asked = flat(planned(PAIRS, card(**PAIR_CARD), methods={"template": 1.0}))[0]
    assert asked.prompt["text"].endswith(f": {asked.spec.start}")
    assert asked.spec.start.startswith("second ")


@pytest.mark.parametrize("template", [None, CHAT])
def test_text_first_shows_labels_behind_the_texts(template):
    for each in flat(planned(template=template, order="text_first")):
        text = each.prompt["text"]
        assert text.endswith("Film review:")
        for row in each.spec.demonstrations:
            assert f"Film review: {row['text']}\nSentiment: {row['label']}\n\n" in text


def test_text_first_goes_on_from_a_given_first_text():
    for each in flat(planned(PAIRS, card(**PAIR_CARD), order="text_first")):
        assert each.prompt["text"].endswith(f"Premise: {each.spec.first_text}\nHypothesis:")
