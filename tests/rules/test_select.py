from collections import Counter

import numpy as np
import pytest

from labelmint.rules.filtering import RuleResult
from labelmint.rules.select import fitting, label_rules, surplus
from tests.builders import candidate, card
from tests.rules.helpers import filtering_of, rules_broken, settings

NAMES = ["negative", "positive"]


def select(counts, labels=None, shares=None, **changes):
    """Select from that many accepted rows of each label."""
    names = [name for name, count in counts.items() for _ in range(count)]
    rows = [candidate(number, f"text {number}", name) for number, name in enumerate(names)]
    filtering = filtering_of(*rows, params=settings(class_balance=shares or "balanced", **changes))
    filtering.card = card(labels={name: {"name": name, "phrase": name} for name in shares or NAMES})
    filtering.labels |= labels or {}
    surplus(filtering)
    return filtering


def kept(filtering):
    return [row["id"] for row in filtering.remaining]


# 0: as many as the rarest label has.
@pytest.mark.parametrize(("asked", "number"), [(0, 30), (1, 1), (7, 7), (30, 30)])
def test_every_label_keeps_exactly_the_same_number(asked, number):
    filtering = select({"negative": 50, "positive": 30}, rows_per_label=asked)
    assert Counter(row["label"] for row in filtering.remaining) == {"negative": number, "positive": number}
    assert Counter(rules_broken(filtering).values()) == Counter(surplus=80 - 2 * number)
    for row_id, result in filtering.results.items():
        assert result.evidence == {"accepted": 50 if row_id < "s000050" else 30, "kept": number}


def test_the_choice_is_seeded_and_not_just_the_first():
    counts = {"negative": 60, "positive": 60}
    first = kept(select(counts, rows_per_label=20))
    assert kept(select(counts, rows_per_label=20)) == first == sorted(first)
    assert kept(select(counts, rows_per_label=20, seed=2)) != first
    assert set(first) < set(kept(select(counts, rows_per_label=40)))
    assert max(first[:20]) > "s000030"


def test_rows_count_for_the_label_that_they_were_given():
    labels = {f"s{number:06d}": NAMES[number % 2] for number in range(10)}
    filtering = select({"negative": 10}, labels=labels, rows_per_label=5)
    assert len(filtering.remaining) == 10


@pytest.mark.parametrize(
    ("counts", "asked", "kept_rows", "missing"),
    [
        ({"negative": 50, "positive": 30}, 30, {"negative": 30, "positive": 30}, {}),
        ({"negative": 50, "positive": 30}, 40, {"negative": 40, "positive": 30}, {"positive": 10}),
    ],
)
def test_what_a_label_lacks_is_told_and_the_others_have_their_rows(counts, asked, kept_rows, missing):
    filtering = select(counts, rows_per_label=asked)
    assert Counter(row["label"] for row in filtering.remaining) == kept_rows
    assert filtering.missing == missing


@pytest.mark.parametrize("asked", [0, 5])
def test_without_any_accepted_row_nothing_is_left_to_choose(asked):
    assert select({"negative": 0, "positive": 0}, rows_per_label=asked).remaining == []


@pytest.mark.parametrize(
    ("counts", "rows"),
    [
        ({"negative": 60, "positive": 20}, {"negative": 20, "positive": 20}),
        ({"negative": 90, "positive": 10}, {"negative": 25, "positive": 10}),
        ({"negative": 90, "positive": 0}, {"negative": 22}),
    ],
)
def test_a_label_with_hardly_any_row_does_not_cost_most_rows_of_the_others(counts, rows):
    filtering = select(counts, rows_per_label=0)
    assert Counter(row["label"] for row in filtering.remaining) == rows
    lacking = {name: rows["negative"] - rows.get(name, 0) for name in NAMES}
    assert filtering.missing == {name: number for name, number in lacking.items() if number}


@pytest.mark.parametrize(
    ("accepted", "shares", "numbers"),
    [
        ({"a": 400, "b": 900, "c": 900}, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, [400, 400, 400]),
        ({"a": 70, "b": 100}, {"a": 0.7, "b": 0.3}, [70, 30]),
        ({"a": 100, "b": 21}, {"a": 0.7, "b": 0.3}, [49, 21]),
        ({"a": 5, "b": 100}, {"a": 0.01, "b": 0.99}, [1, 100]),
        ({"a": 10, "b": 190}, {"a": 0.5, "b": 0.5}, [50, 50]),  # half of its share of 200
        ({"a": 1, "b": 1}, {"a": 0.9, "b": 0.1}, [1, 1]),
    ],
)
def test_the_scarcest_label_sets_the_scale(accepted, shares, numbers):
    assert list(fitting(accepted, shares).values()) == numbers


# All rows were written as "negative".
SCORES = {"s000000": [-0.1, -2.4], "s000001": [-2.4, -0.1], "s000002": [-0.6, -0.8], "s000003": [-0.7, -0.7]}


def checked(action, min_margin=0.0):
    """Return the results and the labels."""
    scores = {row_id: np.array(row) for row_id, row in SCORES.items()}
    params = settings(labelling={"action": action, "min_margin": min_margin})
    filtering = filtering_of("one", "two", "three", "four", scores=scores, params=params)
    label_rules(filtering)
    return filtering.results, list(filtering.labels.values())


def test_rows_that_score_best_with_another_label_are_dropped_and_a_tie_goes_to_the_first_label():
    results, labels = checked("drop")
    assert results == {"s000001": RuleResult("wrong_label", {"judged_label": "positive", "margin": 2.3})}
    assert labels == ["negative"] * 4


def test_rows_that_score_best_with_another_label_are_relabelled():
    assert checked("relabel") == ({}, ["negative", "positive", "negative", "negative"])


def test_without_an_action_scores_are_not_read():
    assert checked("none", 9.0) == ({}, ["negative"] * 4)


@pytest.mark.parametrize("action", ["drop", "relabel"])
def test_rows_that_win_by_less_than_the_margin_are_unsure(action):
    result = checked(action, 0.5)[0]["s000002"]
    assert result == RuleResult("unsure_label", {"judged_label": "negative", "margin": 0.2})
    assert "s000002" not in checked(action, 0.1)[0]


def test_the_margin_is_to_the_second_of_several_labels():
    scores = {"s000000": np.array([-3.0, -0.3, -1.3])}
    params = settings(labelling={"action": "drop", "min_margin": 1.1})
    filtering = filtering_of(candidate(0, "one", "b"), scores=scores, params=params)
    filtering.card = card(labels={name: {"name": name, "phrase": name} for name in "abc"})
    label_rules(filtering)
    assert filtering.results["s000000"] == RuleResult("unsure_label", {"judged_label": "b", "margin": 1.0})
