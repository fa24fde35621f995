from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.students.arms import curve_arms, nested_order
from tests.builders import labelled_rows, section

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 30), min_size=1)


def rows(counts, source="synthetic"):
    return [{**row, "id": f"{source}{row['id']}", "source": source} for row in labelled_rows(counts)]


def arms(real, synthetic, curve=(4, 10), seed=1):
    return curve_arms(section("filter", curve=list(curve), seed=seed), real, synthetic)


@given(COUNTS, st.integers(0, 5))
def test_every_prefix_has_the_labels_in_the_shares_of_the_whole(counts, seed):
    given_rows = rows(counts)
    order = nested_order(given_rows, seed)
    assert sorted(order) == list(range(len(given_rows)))
    total = sum(counts.values())
    taken = Counter()
    for length, place in enumerate(order, 1):
        taken[given_rows[place]["label"]] += 1
        for label, count in counts.items():
            # Half a row of its own, and half a row of each other label that has its turn at the same time.
            assert abs(taken[label] - length * count / total) <= 0.5 + len(counts) / 2


@given(COUNTS, st.integers(0, 5))
def test_the_points_are_nested_and_in_the_order_of_the_kept_rows(counts, seed):
    synthetic = rows(counts)
    made = arms([], synthetic, seed=seed)
    sizes = {arm: len(own) for arm, own in made.items()}
    for kind in ("mixed", "synthetic"):
        small, large = made[f"{kind}_4"], made[f"{kind}_10"]
        assert (sizes[f"{kind}_4"], sizes[f"{kind}_10"]) == tuple(
            size if size <= len(synthetic) else 0 for size in (4, 10)
        )
        places = [synthetic.index(row) for row in small]
        assert places == sorted(places)
        assert not large or all(row in large for row in small)


def test_mixed_points_have_the_real_rows_first():
    real, synthetic = rows({"a": 2, "b": 1}, "real"), rows({"a": 10, "b": 10})
    made = arms(real, synthetic)
    assert made["mixed_4"] == [*real, *made["synthetic_4"]]
    assert Counter(row["label"] for row in made["synthetic_4"]) == {"a": 2, "b": 2}


def test_a_point_that_the_kept_rows_cannot_fill_is_empty():
    made = arms(rows({"a": 2}, "real"), rows({"a": 3, "b": 3}))
    assert (len(made["mixed_4"]), len(made["mixed_10"]), len(made["synthetic_10"])) == (6, 0, 0)


def test_the_seed_decides():
    synthetic = rows({"a": 20, "b": 20})
    assert arms([], synthetic) == arms([], synthetic)
    assert arms([], synthetic) != arms([], synthetic, seed=2)


@pytest.mark.parametrize("curve", [[10, 4], [4, 4]])
def test_a_curve_that_does_not_rise_is_an_error(curve):
    with pytest.raises(ValueError, match="it must rise"):
        section("filter", curve=curve)
