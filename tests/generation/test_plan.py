import hashlib
import json
import re
from collections import Counter
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmint.core.errors import DataError, ParamsError
from labelmint.core.params import load_params
from labelmint.generation.plan import check_every_label, distinct, drawn_labels, in_turn
from labelmint.generation.session import Session, wave_key
from labelmint.prompts.render import STOP, header
from labelmint.tasks.cards import load_card
from labelmint.tasks.task import Task
from tests.builders import REPOSITORY, card, labelled, section
from tests.fake_model import FakeModel
from tests.generation.helpers import IDEAS, ROWS, TEXTS, config, flat, labels_of, planned

# Changed bytes would rewrite the texts of all earlier runs.
SHIPPED_PROMPTS = "167ded92075be6284f1ab00907ccd3aa66f9cb234b4dcfc22aea0d34262f3faf"
SHIPPED_KEYS = ["5c4f19504f6b662b004489e1", "439d724d457422177ee9c043"]
SHIPPED_FINGERPRINT = "cccdabf64c2d899d9bd408ec"


def test_the_shipped_settings_give_the_bytes_that_they_always_gave(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    rows = [
        labelled(label, number, f"the {label} text number {number} , as it is .")
        for number in range(12)
        for label in ("negative", "positive")
    ]
    # Whatever params.yaml ships with for the speed of a run, or for another model: the few-shot default.
    generate = section("generate", candidates=384, max_new_tokens=64)
    params = load_params().model_copy(update={"generate": generate})
    session = Session(Task(params, load_card("rotten_tomatoes"), rows), FakeModel())
    waves = session.waves()
    content = [
        [each.prompt["id"], each.prompt["label"], each.prompt["text"], each.prompt["demonstration_ids"],
         each.first, each.seeds]
        for each in flat(waves)
    ]  # fmt: skip
    assert hashlib.sha256(json.dumps(content).encode()).hexdigest() == SHIPPED_PROMPTS
    assert [wave_key(wave) for wave in waves] == SHIPPED_KEYS
    assert session.cache.place == ("generate", SHIPPED_FINGERPRINT)


@pytest.mark.parametrize(("candidates", "waves"), [(1, 1), (7, 1), (8, 1), (9, 2), (16, 2), (17, 3)])
def test_candidates_are_rounded_up_to_whole_waves(candidates, waves):
    result = planned(candidates=candidates)
    assert [len(wave) for wave in result] == [4] * waves
    assert {len(each.seeds) for each in flat(result)} == {2}


@settings(max_examples=20)
@given(st.integers(2, 5), st.integers(1, 200), st.integers(1, 5), st.integers(1, 5))
def test_whole_turns_of_labels_are_in_exact_balance(labels, candidates, samples, per_wave):
    names = [f"name {number}" for number in range(labels)]
    the_card = card(labels={name: {"name": name, "phrase": name} for name in names})
    rows = [labelled(name, number) for name in names for number in range(3)]
    changes = {"candidates": candidates, "samples_per_prompt": samples, "prompts_per_wave": per_wave}
    waves = planned(rows, the_card=the_card, **changes)
    counts = [labels_of(waves)[name] for name in names]
    assert max(counts) - min(counts) == (sum(counts) % labels > 0)
    assert sum(counts) * samples >= candidates


@pytest.mark.parametrize("template", [None, FakeModel(kind="chat").chat_prompt])
def test_prompts_show_rows_of_their_label_and_no_others(template):
    for each in flat(planned(candidates=100, template=template)):
        prompt = each.prompt
        shown = prompt["demonstration_ids"]
        assert len(set(shown)) == len(shown) == 3
        texts = [TEXTS[row_id + prompt["label"]] for row_id in shown]  # KeyError: no row of this label
        assert [text for text in TEXTS.values() if text in prompt["text"]] == sorted(texts)


@pytest.mark.parametrize("template", [None, FakeModel(kind="chat").chat_prompt])
def test_a_prompt_has_one_text_per_line_and_ends_with_the_header(template):
    assert STOP == "\n"
    for each in flat(planned(template=template)):
        said = header(card(), each.prompt["label"])
        assert STOP not in said
        assert each.prompt["label"] in said.lower()
        assert each.prompt["text"].endswith(said)
        for line in each.prompt["text"].split(STOP):
            assert sum(text in line for text in TEXTS.values()) <= 1


def test_a_chat_model_gets_the_request_in_its_template():
    asked = []

    def template(user, answer_start):
        asked.append((user, answer_start))
        return f"[{len(asked)}]"

    prompts = [each.prompt for each in flat(planned(template=template))]
    assert [prompt["text"] for prompt in prompts] == [f"[{number}]" for number in range(1, 13)]
    for prompt, (user, start) in zip(prompts, asked, strict=True):
        assert start == header(card(), prompt["label"])
        assert all(TEXTS[row_id + prompt["label"]] in user for row_id in prompt["demonstration_ids"])


MIXTURE = {"methods": {"few_shot": 0.6, "persona": 0.4}, "shares": {"negative": 0.3, "positive": 0.7}}


@pytest.mark.parametrize("mixture", [{}, MIXTURE])
def test_more_candidates_only_append_waves(mixture):
    many = planned(candidates=120, **mixture)
    for candidates in (1, 40, 77, 120):
        few = planned(candidates=candidates, **mixture)
        assert many[: len(few)] == few


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 2])
def test_seeds_are_distinct_numbers_of_32_bits(seed):
    seeds = [one for each in flat(planned(seed=seed, candidates=400)) for one in each.seeds]
    assert len(set(seeds)) == len(seeds) == 400
    assert all(type(one) is int and 0 <= one < 2**32 for one in seeds)


def test_demonstrations_differ_from_prompt_to_prompt_and_all_rows_get_their_turn():
    prompts = [each.prompt for each in flat(planned(candidates=200))]
    assert len({tuple(prompt["demonstration_ids"]) for prompt in prompts}) > 90
    shown = {(prompt["label"], row_id) for prompt in prompts for row_id in prompt["demonstration_ids"]}
    assert len(shown) == len(ROWS)


def test_distinct_prompts_are_stored_once_in_the_order_of_first_use():
    waves = planned([*ROWS[:2], *ROWS[12:14]], demonstrations=1, candidates=80)
    stored = distinct(waves)
    assert len(stored) == 4
    assert stored == list({each.prompt["id"]: each.prompt for each in flat(waves)}.values())
    assert {each.prompt["id"] for each in flat(waves)} == {prompt["id"] for prompt in stored}
    assert len({prompt["text"] for prompt in stored}) == 4


@pytest.mark.parametrize("text", ["😀 café 日本", "lone \ud83d half", "a: b \\n c"])
def test_any_text_can_be_shown(text):
    rows = [labelled(label, number, text) for label in ("negative", "positive") for number in range(3)]
    assert all(each.prompt["text"].count(text) == 3 for each in flat(planned(rows)))


def test_a_label_of_few_rows_shows_what_it_has():
    for each in flat(planned(ROWS[:14])):
        assert len(each.prompt["demonstration_ids"]) == {"negative": 3, "positive": 2}[each.prompt["label"]]


def test_a_label_without_rows_is_an_error():
    with pytest.raises(DataError) as caught:
        planned(ROWS[:12])
    message = str(caught.value)
    assert message.startswith("params.yaml: generate.method: none of the 12 real rows")
    assert "'positive'" in message
    assert "\n" not in message


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=6), st.integers(1, 120))
def test_nobody_falls_far_behind(shares, count):
    by_name = {str(number): share for number, share in enumerate(shares)}
    taken = Counter(islice(in_turn(by_name), count))
    # At most 1/2 + 1/3 + … + 1/n turns with n names: the bound of the cup game that empties the fullest cup.
    most, total = sum(1 / number for number in range(2, len(shares) + 1)), sum(shares)
    assert all(taken[name] > share / total * count - most - 1e-6 for name, share in by_name.items())


def test_the_class_balance_holds_over_the_prompts():
    waves = planned(candidates=200, shares={"negative": 0.8, "positive": 0.2})
    assert labels_of(waves) == {"negative": 80, "positive": 20}


def test_methods_take_turns_within_each_label():
    waves = planned(candidates=160, methods={"few_shot": 0.75, "zero_shot": 0.25})
    found = Counter((each.prompt["label"], each.prompt["method"]) for each in flat(waves))
    assert found == {(label, method): count for label in ("negative", "positive")
                     for method, count in (("few_shot", 30), ("zero_shot", 10))}  # fmt: skip


@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("order", ["label_first", "text_first"])
def test_rows_of_all_labels_are_shown_in_turn_and_the_prompt_s_label_comes_last(count, order):
    labels = "all" if order == "label_first" else "same"  # text first, rows of all labels are always shown
    labels_by_id = {row["id"] + row["text"]: row["label"] for row in ROWS}
    for each in flat(planned(demonstrations=count, demonstration_labels=labels, order=order)):
        labels_shown = [labels_by_id[row["id"] + row["text"]] for row in each.spec.demonstrations]
        assert labels_shown[-1] == each.prompt["label"]
        assert all(one != other for one, other in pairwise(labels_shown))
        assert "Every one of them" not in each.prompt["text"]
        assert [text for text in TEXTS.values() if text in each.prompt["text"]]


def test_another_label_of_few_rows_shows_what_it_has():
    for each in flat(planned([*ROWS[:12], *ROWS[12:14]], demonstrations=5, demonstration_labels="all")):
        assert len(each.prompt["demonstration_ids"]) == {"negative": 5, "positive": 4}[each.prompt["label"]]


def test_methods_with_values_record_them():
    for each in flat(planned(methods={"attributes": 0.5, "persona": 0.5}, ideas=IDEAS)):
        topic = {"negative": "the plot", "positive": "the music"}[each.prompt["label"]]
        whole = {"topic": topic, "style": "short and dry", "persona": "a nurse"}
        wanted = whole if each.prompt["method"] == "attributes" else {"persona": "a nurse"}
        assert each.prompt["values"] == each.spec.values == wanted


@settings(max_examples=30)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=20), st.integers(1, 200), st.integers(1, 20),
       st.integers(1, 5))  # fmt: skip
def test_candidates_too_few_for_the_labels_are_an_error_whose_remedies_work(parts, candidates, samples, wave):
    shares = {f"label {number}": part / sum(parts) for number, part in enumerate(parts)}
    generate = config(candidates=candidates, samples_per_prompt=samples, prompts_per_wave=wave)
    if {*drawn_labels(generate, shares)} == {*shares}:
        check_every_label(generate, shares)
        return
    with pytest.raises(ParamsError, match="texts, too few to write for 'label ") as caught:
        check_every_label(generate, shares)
    remedies = re.findall(r"generate\.(\w+): (\d+)", str(caught.value))
    assert remedies
    for key, value in remedies:
        check_every_label(generate.model_copy(update={key: int(value)}), shares)


def test_a_share_that_no_number_of_prompts_serves_is_an_error():
    with pytest.raises(ParamsError, match="too few to write for 'b'; say class_balance: balanced"):
        check_every_label(config(), {"a": 1 - 1e-7, "b": 1e-7})
