import random
from collections import Counter

import pytest

from labelmint.core.errors import DataError, ParamsError
from labelmint.prompts.facts import facts_by_label
from labelmint.prompts.methods import METHODS, method_shares
from labelmint.prompts.spec import Context
from tests.builders import card
from tests.fake_model import FakeModel
from tests.generation.helpers import FACTS, PAIR_CARD, PAIRS, TABLE, config, flat, planned

CHAT = FakeModel(kind="chat").chat_prompt
CARD = card(facts=TABLE)
MANY = [
    {"label": "negative" if number % 2 else "", "values": {"actor": f"actor {number}", "part": part}}
    for number in range(20)
    for part in (["hero"] * 9 + ["villain"])[number % 10 : number % 10 + 1]
]


def order(sampling="uniform", rows=0, facts=MANY, seed=1, label="negative"):
    settings = config(seed=seed, facts={"sampling": sampling, "rows": rows})
    return facts_by_label(settings, CARD, facts)[label][: rows or None]


@pytest.mark.parametrize("template", [None, CHAT])
def test_a_prompt_says_a_fact_after_real_rows_and_records_it(template):
    for each in flat(planned(template=template, methods={"grounded": 1.0})):
        values = each.prompt["values"]
        assert values in [fact["values"] for fact in FACTS]
        last = each.prompt["text"].split("\n")[-1]
        assert f"film review with {values['actor']} as {values['part']}:" in last
        assert len(each.spec.demonstrations) == 3


def test_a_pairs_second_text_is_grounded():
    the_card = card(**PAIR_CARD, facts=TABLE)
    for each in flat(planned(PAIRS, the_card, methods={"grounded": 1.0})):
        assert f"\nHypothesis with {each.prompt['values']['actor']} as" in each.prompt["text"]


@pytest.mark.parametrize("template", [None, CHAT])
def test_real_rows_are_shown_with_the_longest_fact_that_they_mention(template):
    texts = {"both": "Actor 1, then actor 12!", "none": "nobody at all", "other": "the factor 12 of it"}
    rows = [{"id": name, "text": text, "label": "negative"} for name, text in texts.items()]
    facts = [{"label": "", "values": {"actor": f"actor {number}", "part": "hero"}} for number in (1, 12, 3)]
    the_card = card(facts={**TABLE, "must_occur": "actor"})
    each = flat(planned(rows, the_card, template, {"grounded": 1.0}, {"negative": 1.0}, facts=facts))[0]
    for line in [
        "Negative film review with actor 12 as hero: Actor 1, then actor 12!",
        "Negative film review: nobody at all",
        "Negative film review: the factor 12 of it",
    ]:
        assert f"\n{line}\n" in each.prompt["text"]


@pytest.mark.parametrize(
    ("pairs", "shown"),
    [
        ("second", "Premise: actor 1\nHypothesis with actor 2 as hero (negative): it is actor 2\n"),
        ("both", "Premise with actor 1 as villain: actor 1\nHypothesis (negative): it is actor 2\n"),
    ],
)
def test_real_pairs_are_shown_with_a_fact_of_the_texts_that_are_written(pairs, shown):
    row = {"id": "r1", "text": "actor 1", "text_pair": "it is actor 2", "label": "negative"}
    the_card = card(**PAIR_CARD, facts={**TABLE, "must_occur": "actor"})
    each = flat(planned([row], the_card, None, {"grounded": 1.0}, {"negative": 1.0}, pairs=pairs))[0]
    assert shown in each.prompt["text"]


@pytest.mark.parametrize("rows", [1, 3])
def test_no_more_facts_are_used_than_the_setting_says(rows):
    prompts = flat(planned(methods={"grounded": 1.0}, candidates=64, sampling={"rows": rows}))
    used = {each.prompt["values"]["actor"] for each in prompts if each.prompt["label"] == "negative"}
    assert len(used) == rows


@pytest.mark.parametrize("methods", [{"grounded": 1.0}, {"grounded": 0.5, "few_shot": 0.5}])
def test_each_fact_of_a_label_is_used_once_before_one_is_used_again(methods):
    prompts = flat(planned(methods=methods, candidates=64))
    for label in ("negative", "positive"):
        used = [each.prompt["values"]["actor"] for each in prompts if each.prompt["label"] == label
                and each.prompt["method"] == "grounded"]  # fmt: skip
        assert set(Counter(used[: len(used) // 4 * 4]).values()) == {len(used) // 4}


@pytest.mark.parametrize("sampling", ["uniform", "balanced", "diversity"])
def test_the_order_is_a_draw_of_the_facts_that_suit_the_label(sampling):
    drawn = order(sampling)
    assert sorted(map(str, drawn)) == sorted(map(str, MANY))
    assert drawn == order(sampling) != order(sampling, seed=2)
    assert {fact["label"] for fact in order(sampling, label="positive")} == {""}
    assert order(sampling, rows=5) == drawn[:5]  # more rows only add facts


def test_balanced_facts_take_the_values_of_a_column_in_turn():
    assert {fact["values"]["part"] for fact in order("balanced")[:2]} == {"hero", "villain"}
    assert [fact["values"]["part"] for fact in order("balanced")[4:]] == ["hero"] * 16


def test_diverse_facts_are_unlike_each_other():
    alike = [{"label": "", "values": {"actor": f"Mary Smith {number}", "part": "a"}} for number in range(30)]
    others = [{"label": "", "values": {"actor": name, "part": "a"}} for name in ("John Doe", "Zoë Kravitz")]
    for seed in range(5):
        first = order("diversity", rows=3, facts=alike + others, seed=seed)
        assert sum(fact in others for fact in first) == 2


@pytest.mark.parametrize(
    ("table", "facts", "message"),
    [
        (None, {}, r"grounded takes rows of a table.*add `facts: .*` to data/tasks/films\.yaml"),
        (
            {"path": "a.csv", "words": "in {city}"},
            {"sampling": "balanced"},
            r"facts\.sampling: balanced needs a column.*`balance: city` to `facts` in data/tasks/films",
        ),
    ],
)
def test_cards_that_cannot_ground_prompts_are_errors(table, facts, message):
    with pytest.raises(ParamsError, match=message):
        method_shares(config(method="grounded", facts=facts), card(facts=table), "films", 5)


def test_auto_is_grounded_where_the_card_has_facts_and_names_no_method():
    assert method_shares(config(), CARD, "films", 5) == {"grounded": 1.0}
    assert method_shares(config(), CARD, "films", 0) == {"grounded": 1.0}
    assert method_shares(config(), card(facts=TABLE, method="persona"), "films", 5) == {"persona": 1.0}


def test_a_label_without_facts_is_an_error():
    context = Context(config(), CARD, {"negative": [], "positive": []}, {})
    with pytest.raises(DataError, match="suits the label 'negative'; run `dvc repro`"):
        METHODS["grounded"].make_spec("negative", random.Random(1), context)
