from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.generation.top_up_plan import Counts, next_prompts, texts_needed


def counts(written, own, new_written=None, new_own=None):
    """Return counts of the label a; without a last round of its own, the first was the last."""
    return Counts(
        written=Counter(a=written),
        accepted=Counter(a=own),
        own=Counter(a=own),
        new_written=Counter(a=written if new_written is None else new_written),
        new_own=Counter(a=own if new_own is None else new_own),
    )


@pytest.mark.parametrize(
    ("missing", "found", "texts"),
    [
        (50, counts(400, 200), 110),  # half are accepted: 100, and a tenth more
        (1, counts(400, 200), 3),
        (500, counts(400, 200), 400),  # never more than there are already
        (5, counts(400, 0), 400),  # nothing is known but that it is rare
        (5, counts(0, 0), 10),  # no prompt so far: one
        (10, counts(400, 200, 200, 40), 52),  # the last round's 20 %, and a little of the 50 % of all
        (3, counts(400, 40, 10, 0), 66),  # a small round without luck halves the rate, and no more
        (3, counts(400, 40, 0, 0), 33),  # not asked for in the last round
    ],
)
def test_the_texts_that_are_needed(missing, found, texts):
    assert texts_needed(missing, "a", found, samples=10) == texts


NAMES = ["a", "b", "c"]


@st.composite
def situations(draw):
    written = {name: draw(st.integers(0, 500)) for name in NAMES}
    own = {name: draw(st.integers(0, count)) for name, count in written.items()}
    found = Counts(
        written=Counter(written), own=Counter(own), new_written=Counter(written), new_own=Counter(own)
    )
    missing = {name: draw(st.integers(-5, 300)) for name in NAMES}
    return missing, found


@given(situations(), st.integers(1, 50), st.integers(1, 5), st.integers(-100, 5000))
def test_a_round_is_whole_waves_within_the_budget_for_short_labels_alone(
    situation, samples, per_wave, budget
):
    missing, found = situation
    prompts = next_prompts(missing, found, samples, per_wave, budget)
    assert len(prompts) % per_wave == 0
    assert len(prompts) * samples <= max(0, budget)
    assert set(prompts) <= {name for name in NAMES if missing[name] > 0}
    if any(lacking > 0 for lacking in missing.values()) and budget >= samples * per_wave:
        assert prompts


def test_every_label_gets_as_many_prompts_as_it_needs():
    found = Counts(
        written=Counter(a=1000, b=1000),
        own=Counter(a=500, b=250),
        new_written=Counter(a=1000, b=1000),
        new_own=Counter(a=500, b=250),
    )
    prompts = next_prompts({"a": 90, "b": 90}, found, samples=10, per_wave=4, budget=10**6)
    assert Counter(prompts) == {"a": 20, "b": 40}


def test_a_budget_too_small_for_all_is_shared():
    found = counts(1000, 500)
    found.written["b"] = 1000  # of which none was accepted
    found.new_written["b"] = 1000
    prompts = next_prompts({"a": 400, "b": 400}, found, samples=10, per_wave=4, budget=799)
    assert len(prompts) == 76
    assert Counter(prompts)["a"] >= 35
