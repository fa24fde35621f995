from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.generation.top_up import Counts, Round, count, next_prompts, report, texts_needed
from tests.builders import section


def counts(written, as_requested):
    """Return counts by label."""
    return Counts(Counter(written), Counter(as_requested), accepted=Counter(as_requested))


def test_candidates_are_counted_by_the_label_that_was_requested():
    labels = {"1": "a", "2": "b", "3": "a", "4": "b"}
    found = count("1234", "aaab", labels, {"3": "empty"})
    assert found == Counts(
        written=Counter(a=3, b=1),
        as_requested=Counter(a=1, b=1),
        rejected=Counter({("a", "empty"): 1}),
        accepted=Counter(a=1, b=2),
    )


@pytest.mark.parametrize(
    ("missing", "total", "last", "texts"),
    [
        (50, (400, 200), (400, 200), 110),  # half are accepted: 100, and a tenth more
        (1, (400, 200), (400, 200), 3),
        (500, (400, 200), (400, 200), 400),  # never more than there are already
        (5, (400, 0), (400, 0), 400),  # nothing is known but that it is rare
        (5, (0, 0), (0, 0), 10),  # no prompt so far: one
        (10, (400, 200), (200, 40), 52),  # the last round's 20 %, and a little of the 50 % of all
        (3, (400, 40), (10, 0), 66),  # a small round without luck halves the rate, and no more
        (3, (400, 40), (0, 0), 33),  # not asked for in the last round
    ],
)
def test_the_texts_that_are_needed(missing, total, last, texts):
    total, last = (counts({"a": written}, {"a": accepted}) for written, accepted in (total, last))
    assert texts_needed(missing, "a", total, last, samples=10) == texts


NAMES = ["a", "b", "c"]


@st.composite
def situations(draw):
    written = {name: draw(st.integers(0, 500)) for name in NAMES}
    accepted = {name: draw(st.integers(0, most)) for name, most in written.items()}
    missing = {name: draw(st.integers(-5, 300)) for name in NAMES}
    return missing, counts(written, accepted)


@given(situations(), st.integers(1, 50), st.integers(1, 5), st.integers(-100, 5000))
def test_a_round_is_whole_waves_within_the_budget_for_short_labels_alone(
    situation, samples, per_wave, budget
):
    missing, found = situation
    prompts = next_prompts(missing, found, found, samples, per_wave, budget)
    assert len(prompts) % per_wave == 0
    assert len(prompts) * samples <= max(0, budget)
    assert set(prompts) <= {name for name in NAMES if missing[name] > 0}
    if any(lacking > 0 for lacking in missing.values()) and budget >= samples * per_wave:
        assert prompts


def test_every_label_gets_as_many_prompts_as_it_needs():
    found = counts({"a": 1000, "b": 1000}, {"a": 500, "b": 250})
    prompts = next_prompts({"a": 90, "b": 90}, found, found, samples=10, per_wave=4, budget=10**6)
    assert Counter(prompts) == {"a": 20, "b": 40}


def test_a_budget_too_small_for_all_is_shared():
    found = counts({"a": 1000, "b": 1000}, {"a": 500})
    prompts = next_prompts({"a": 400, "b": 400}, found, found, samples=10, per_wave=4, budget=799)
    assert len(prompts) == 76
    assert Counter(prompts)["a"] >= 35


def test_a_label_that_relabelled_rows_fill_is_not_short():
    wanted = Counter(a=3, b=2)
    total = Counts(Counter(a=4, b=4), Counter(a=2, b=1), accepted=Counter(a=4, b=1))
    result = report(wanted, [Round(total, total)], set(), section("top_up", max_rounds=3))
    assert list(result["short"]) == ["b"]
    assert result["missing"] == 1
