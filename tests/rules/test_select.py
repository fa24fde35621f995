from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.core.errors import DataError
from labelmint.rules.filtering import RuleResult
from labelmint.rules.select import fitting, surplus
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
    surplus(filtering, {"surplus"})
    return filtering


def kept(filtering):
    return [row["id"] for row in filtering.remaining]


# 0: as many as the rarest label has.
@pytest.mark.parametrize(("asked", "number"), [(0, 30), (1, 1), (7, 7), (30, 30)])
def test_every_label_keeps_exactly_the_same_number(asked, number):
    filtering = select({"negative": 50, "positive": 30}, rows_per_label=asked)
    assert Counter(row["label"] for row in filtering.remaining) == {"negative": number, "positive": number}
    assert Counter(rules_broken(filtering).values()) == Counter(surplus=80 - 2 * number)


def test_the_surplus_says_how_many_were_accepted_and_kept():
    filtering = select({"negative": 50, "positive": 30}, rows_per_label=10)
    assert len(filtering.results) == 60
    for row_id, result in filtering.results.items():
        assert result.evidence == {"accepted": 50 if row_id < "s000050" else 30, "kept": 10}


def test_the_choice_is_seeded_and_not_just_the_first():
    counts = {"negative": 60, "positive": 60}
    first = kept(select(counts, rows_per_label=20))
    assert kept(select(counts, rows_per_label=20)) == first == sorted(first)
    assert kept(select(counts, rows_per_label=20, seed=2)) != first
    assert max(first[:20]) > "s000030"


def test_more_rows_per_label_keep_those_of_fewer():
    counts = {"negative": 60, "positive": 60}
    few, many = (set(kept(select(counts, rows_per_label=rows))) for rows in (20, 40))
    assert few < many


def test_rows_count_for_the_label_that_they_were_given():
    labels = {f"s{number:06d}": NAMES[number % 2] for number in range(10)}
    filtering = select({"negative": 10}, labels=labels, rows_per_label=5)
    assert len(filtering.remaining) == 10


@pytest.mark.parametrize(
    ("counts", "asked", "kept_rows", "missing"),
    [
        ({"negative": 50, "positive": 30}, 30, {"negative": 30, "positive": 30}, {}),
        ({"negative": 50, "positive": 30}, 40, {"negative": 40, "positive": 30}, {"positive": 10}),
        (
            {"negative": 2, "positive": 1},
            40,
            {"negative": 2, "positive": 1},
            {"negative": 38, "positive": 39},
        ),
    ],
)
def test_what_a_label_lacks_is_told_and_the_others_have_their_rows(counts, asked, kept_rows, missing):
    filtering = select(counts, rows_per_label=asked)
    assert Counter(row["label"] for row in filtering.remaining) == kept_rows
    assert filtering.missing == missing


@pytest.mark.parametrize("asked", [0, 5])
@pytest.mark.parametrize("counts", [{"negative": 9, "positive": 0}, {"negative": 0, "positive": 0}])
def test_a_label_without_any_row_is_an_error_that_says_where_to_look(counts, asked):
    with pytest.raises(DataError, match=r"^no candidate labelled .* is accepted") as caught:
        select(counts, rows_per_label=asked)
    assert "(rejected: there are none)" in str(caught.value)
    assert "params.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_label_whose_rows_were_all_rejected_names_the_rules():
    rows = [candidate(at, f"text {at}", NAMES[at % 2]) for at in range(8)]
    filtering = filtering_of(*rows)
    rule = iter(["empty", "too_long", "empty", "empty"])
    filtering.reject(lambda _, row: RuleResult(next(rule), {}) if row["label"] == "positive" else None)
    with pytest.raises(DataError, match=r"'positive' is accepted \(rejected: 3 empty, 1 too_long\)"):
        surplus(filtering, {"surplus"})


@pytest.mark.parametrize(
    ("accepted", "shares", "numbers"),
    [
        ({"a": 300, "b": 1000, "c": 1000}, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, [300, 300, 300]),
        ({"a": 70, "b": 100}, {"a": 0.7, "b": 0.3}, [70, 30]),
        ({"a": 100, "b": 21}, {"a": 0.7, "b": 0.3}, [49, 21]),
        ({"a": 5, "b": 100}, {"a": 0.01, "b": 0.99}, [1, 100]),
        ({"a": 1, "b": 1}, {"a": 0.9, "b": 0.1}, [1, 1]),
    ],
)
def test_the_scarcest_label_sets_the_scale(accepted, shares, numbers):
    assert list(fitting(accepted, shares).values()) == numbers


WEIGHTS = st.lists(st.integers(1, 50), min_size=2, max_size=9)


def shares_of(weights):
    return {f"l{at}": weight / sum(weights) for at, weight in enumerate(weights)}


@given(WEIGHTS, st.data())
def test_fitting_rows_are_there_in_the_shares_and_the_most_possible(weights, data):
    shares = shares_of(weights)
    accepted = {name: data.draw(st.integers(1, 500)) for name in shares}
    rows = fitting(accepted, shares)
    scale = min(accepted[name] / share for name, share in shares.items())
    for name, share in shares.items():
        assert 1 <= rows[name] <= accepted[name]
        assert rows[name] == 1 or abs(rows[name] - scale * share) < 1
    # Of some label every row is kept, but for what is lost to rounding down.
    assert any(rows[name] >= accepted[name] - 1e-6 for name in shares)
