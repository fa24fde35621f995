from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.core.errors import DataError
from labelmint.encoder.vectors import Vectors
from labelmint.rules.select import fitting, select
from labelmint.rules.sieve import Sieve
from labelmint.tasks.balance import wanted_rows
from tests.builders import candidate
from tests.filter.helpers import config
from tests.filter.vectors import embedder

NAMES = ["negative", "positive"]
HALVES = {"negative": 0.5, "positive": 0.5}


def chosen(counts, labels=None, shares=HALVES, **settings):
    """Select from that many accepted rows of each label; return the sieve and what is missing."""
    names = [name for name, count in counts.items() for _ in range(count)]
    sieve = Sieve([candidate(number, f"text {number}", name) for number, name in enumerate(names)])
    own = labels or {row["id"]: row["label"] for row in sieve.standing}
    return sieve, select(sieve, config(**settings), shares, own)


def selected(*arguments, **settings):
    return chosen(*arguments, **settings)[0]


def kept(sieve):
    return [row["id"] for row in sieve.standing]


# 0: as many as the rarest label has.
@pytest.mark.parametrize(("asked", "number"), [(0, 30), (1, 1), (7, 7), (30, 30)])
def test_every_label_keeps_exactly_the_same_number(asked, number):
    sieve = selected({"negative": 50, "positive": 30}, rows_per_label=asked)
    assert Counter(row["label"] for row in sieve.standing) == {"negative": number, "positive": number}
    assert Counter(rule for rule, _ in sieve.verdicts.values()) == Counter(surplus=80 - 2 * number)


def test_the_surplus_says_how_many_were_accepted_and_kept():
    sieve = selected({"negative": 50, "positive": 30}, rows_per_label=10)
    assert len(sieve.verdicts) == 60
    for row_id, (_, evidence) in sieve.verdicts.items():
        assert evidence == {"accepted": 50 if row_id < "s000050" else 30, "kept": 10}


def test_the_choice_is_seeded_and_not_just_the_first():
    counts = {"negative": 60, "positive": 60}
    first = kept(selected(counts, rows_per_label=20))
    assert kept(selected(counts, rows_per_label=20)) == first == sorted(first)
    assert kept(selected(counts, rows_per_label=20, seed=2)) != first
    assert max(first[:20]) > "s000030"


def test_more_rows_per_label_keep_those_of_fewer():
    counts = {"negative": 60, "positive": 60}
    few, many = (set(kept(selected(counts, rows_per_label=rows))) for rows in (20, 40))
    assert few < many


def test_rows_count_for_the_label_that_they_were_given():
    labels = {f"s{number:06d}": NAMES[number % 2] for number in range(10)}
    sieve = selected({"negative": 10}, labels=labels, rows_per_label=5)
    assert len(sieve.standing) == 10


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
    sieve, short = chosen(counts, rows_per_label=asked)
    assert Counter(row["label"] for row in sieve.standing) == kept_rows
    assert short == missing


@pytest.mark.parametrize("asked", [0, 5])
@pytest.mark.parametrize("counts", [{"negative": 9, "positive": 0}, {"negative": 0, "positive": 0}])
def test_a_label_without_any_row_is_an_error_that_says_where_to_look(counts, asked):
    with pytest.raises(DataError, match=r"^no candidate labelled .* is accepted") as caught:
        selected(counts, rows_per_label=asked)
    assert "(rejected: there are none)" in str(caught.value)
    assert "filter.verify" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_label_whose_rows_were_all_rejected_names_the_rules():
    rows = [candidate(at, f"text {at}", NAMES[at % 2]) for at in range(8)]
    sieve = Sieve(rows)
    labels = {row["id"]: row["label"] for row in rows}
    rule = iter(["empty", "too_long", "empty", "empty"])
    sieve.apply(lambda _, row: (next(rule), {}) if row["label"] == "positive" else None)
    with pytest.raises(DataError, match=r"'positive' is accepted \(rejected: 3 empty, 1 too_long\)"):
        select(sieve, config(), HALVES, labels)


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


@given(WEIGHTS, st.integers(1, 200))
def test_wanted_rows_are_exact_in_total_and_to_within_one_row_in_shares(weights, rows_per_label):
    shares, total = shares_of(weights), rows_per_label * len(weights)
    wanted = wanted_rows(rows_per_label, shares)
    assert list(wanted) == list(shares)
    raised = sum(total * share < 1 for share in shares.values())
    assert total <= sum(wanted.values()) <= total + raised
    for name, share in shares.items():
        assert wanted[name] == 1 or abs(wanted[name] - total * share) < 1


@given(st.lists(st.integers(1, 40), min_size=2, max_size=5), st.integers(0, 60), WEIGHTS, st.integers(0, 3))
def test_what_is_kept_is_what_was_wanted_less_what_is_missing(counts, asked, weights, seed):
    shares = shares_of((weights * 5)[: len(counts)])
    accepted = dict(zip(shares, counts, strict=True))
    sieve, short = chosen(accepted, shares=shares, rows_per_label=asked, seed=seed)
    wanted = wanted_rows(asked, shares) if asked else fitting(accepted, shares)
    held = Counter(row["label"] for row in sieve.standing)
    for name in shares:
        assert held[name] == min(wanted[name], accepted[name]) == wanted[name] - short.get(name, 0)
    assert len(sieve.standing) + len(sieve.verdicts) == sum(counts)


def test_diverse_rows_are_those_farthest_from_each_other():
    rows = [candidate(at, f"text {at}", NAMES[at % 2]) for at in range(40)]
    # Each label has 16 rows in one place, and four elsewhere.
    axes = {row["id"]: 3 + at // 2 % 5 if at < 8 else at % 2 for at, row in enumerate(rows)}
    sieve = Sieve(rows, Vectors(embedder(axes), rows))
    labels = {row["id"]: row["label"] for row in rows}
    settings = config(rows_per_label=5, select="diverse")
    assert select(sieve, settings, HALVES, labels) == {}
    assert Counter(row["label"] for row in sieve.standing) == {"negative": 5, "positive": 5}
    assert {f"s{at:06d}" for at in range(8)} <= set(kept(sieve))


def test_diverse_needs_no_vectors_where_nothing_is_too_much():
    sieve, short = chosen({"negative": 4, "positive": 3}, rows_per_label=4, select="diverse")
    assert (len(sieve.standing), short) == (7, {"positive": 1})
