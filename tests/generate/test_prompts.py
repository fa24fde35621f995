from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.errors import DataError
from stages.generate.prompts import STOP, distinct, header, plan
from stages.llm.fake import FakeModel
from tests.builders import card, labelled, section

# No text is a part of another one or of a prompt's frame.
ROWS = [labelled(label, number, f"{label}-text-{number:03d}.") for label in ("negative", "positive")
        for number in range(12)]  # fmt: skip
TEXTS = {row["id"] + row["label"]: row["text"] for row in ROWS}


def config(**changes):
    settings = {
        "seed": 1,
        "candidates": 24,
        "demonstrations": 3,
        "samples_per_prompt": 2,
        "prompts_per_wave": 4,
    }
    return section("generate", **{**settings, **changes})


def planned(rows=ROWS, template=None, the_card=None, **changes):
    return plan(config(**changes), the_card or card(), rows, template)


def flat(waves):
    return [prompt for wave in waves for prompt in wave]


def labels_of(waves):
    return Counter(each.prompt["label"] for each in flat(waves))


@pytest.mark.parametrize(
    ("candidates", "waves"), [(1, 1), (7, 1), (8, 1), (9, 2), (16, 2), (17, 3), (4032, 504)]
)
def test_candidates_are_rounded_up_to_whole_waves(candidates, waves):
    result = planned(candidates=candidates)
    assert [len(wave) for wave in result] == [4] * waves
    assert {len(each.seeds) for each in flat(result)} == {2}


def test_texts_are_numbered_through():
    assert [each.first for each in flat(planned(samples_per_prompt=5))] == list(range(0, 40, 5))


@pytest.mark.parametrize(("labels", "candidates"), [(2, 8), (2, 240), (3, 24), (4, 80), (4, 8)])
def test_whole_rounds_of_labels_are_in_exact_balance(labels, candidates):
    names = [f"name {number}" for number in range(labels)]
    the_card = card(labels={str(at): {"name": name, "phrase": f"kind {at}"} for at, name in enumerate(names)})
    rows = [labelled(name, number) for name in names for number in range(3)]
    counts = labels_of(planned(rows, the_card=the_card, candidates=candidates))
    assert list(counts) == names
    assert set(counts.values()) == {candidates // 2 // labels}


@given(st.integers(2, 5), st.integers(1, 200), st.integers(1, 5), st.integers(1, 5))
def test_labels_are_never_further_apart_than_one_prompt(labels, candidates, samples, per_wave):
    names = [f"name {number}" for number in range(labels)]
    the_card = card(labels={name: {"name": name, "phrase": name} for name in names})
    rows = [labelled(name, number) for name in names for number in range(3)]
    changes = {"candidates": candidates, "samples_per_prompt": samples, "prompts_per_wave": per_wave}
    waves = planned(rows, the_card=the_card, **changes)
    counts = [labels_of(waves)[name] for name in names]
    assert max(counts) - min(counts) <= 1
    assert sum(counts) * samples >= candidates


@pytest.mark.parametrize("template", [None, FakeModel(kind="chat").chat_prompt])
def test_prompts_show_rows_of_their_label_and_no_others(template):
    for each in flat(planned(candidates=100, template=template)):
        prompt = each.prompt
        shown = prompt["demonstration_ids"]
        assert len(set(shown)) == len(shown) == 3
        own = [TEXTS[row_id + prompt["label"]] for row_id in shown]  # KeyError: no row of this label
        assert [text for text in TEXTS.values() if text in prompt["text"]] == sorted(own)


@pytest.mark.parametrize("template", [None, FakeModel(kind="chat").chat_prompt])
def test_a_prompt_has_one_text_per_line_and_ends_with_the_header(template):
    assert STOP == "\n"
    for each in flat(planned(template=template)):
        said = header(card(), each.prompt["label"])
        assert STOP not in said
        assert each.prompt["label"] in said.lower()
        assert each.prompt["text"].rstrip(" ").endswith(said)
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
        assert start.strip() == header(card(), prompt["label"])
        assert all(TEXTS[row_id + prompt["label"]] in user for row_id in prompt["demonstration_ids"])


def test_a_plan_depends_on_its_arguments_alone():
    assert planned() == planned()
    assert planned(seed=2) != planned()


@given(st.integers(1, 100), st.integers(0, 100))
def test_more_candidates_only_append_waves(candidates, more):
    few, many = planned(candidates=candidates), planned(candidates=candidates + more)
    assert many[: len(few)] == few


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 2])
def test_seeds_are_distinct_numbers_of_32_bits(seed):
    seeds = [one for each in flat(planned(seed=seed, candidates=2000)) for one in each.seeds]
    assert len(set(seeds)) == len(seeds) == 2000
    assert all(type(one) is int and 0 <= one < 2**32 for one in seeds)


def test_demonstrations_differ_from_prompt_to_prompt_and_all_rows_get_their_turn():
    prompts = [each.prompt for each in flat(planned(candidates=200))]
    assert len({tuple(prompt["demonstration_ids"]) for prompt in prompts}) > 90
    shown = {(prompt["label"], row_id) for prompt in prompts for row_id in prompt["demonstration_ids"]}
    assert len(shown) == len(ROWS)


def test_distinct_prompts_are_stored_once_in_the_order_of_first_use():
    waves = planned([*ROWS[:2], *ROWS[12:14]], demonstrations=1, candidates=80)
    stored = list(distinct(waves))
    assert len(stored) == 4
    assert stored == list({each.prompt["id"]: each.prompt for each in flat(waves)}.values())
    assert {each.prompt["id"] for each in flat(waves)} == {prompt["id"] for prompt in stored}
    assert len({prompt["text"] for prompt in stored}) == 4


@pytest.mark.parametrize("text", ["😀 café 日本", "lone \ud83d half", "a: b \\n c"])
def test_any_text_can_be_shown(text):
    rows = [labelled(label, number, text) for label in ("negative", "positive") for number in range(3)]
    assert all(each.prompt["text"].count(text) == 3 for each in flat(planned(rows)))


@pytest.mark.parametrize("count", [0, 2])
def test_too_few_rows_of_a_label_are_an_error_with_the_key(count):
    with pytest.raises(DataError) as caught:
        planned(ROWS[: 12 + count])
    message = str(caught.value)
    assert message.startswith("params.yaml: generate.demonstrations=3: ")
    assert f"only {count} of the {12 + count} real rows are labelled 'positive'" in message
    assert "\n" not in message
