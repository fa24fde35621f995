import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.rules.diverse import farthest_first
from tests.filter.vectors import around, unit


def spread(vectors, places):
    """Return the largest distance of a row to its nearest chosen one."""
    return float(1 - (vectors @ vectors[places].T).max(axis=1).min())


def test_every_group_is_chosen_from_before_any_twice():
    vectors = around(np.repeat(np.arange(6), [40, 3, 3, 3, 3, 3]), 0.05)
    groups = vectors.argmax(axis=1)
    assert sorted(groups[farthest_first(vectors, 6)]) == list(range(6))


def test_it_covers_more_than_a_random_choice():
    vectors = around(np.random.default_rng(1).integers(8, size=300), 0.4)
    random = [spread(vectors, np.random.default_rng(at).choice(300, 40, replace=False)) for at in range(10)]
    assert spread(vectors, farthest_first(vectors, 40)) < min(random)


@given(st.integers(1, 40), st.integers(0, 45), st.integers(0, 9))
def test_places_are_distinct_in_number_and_fewer_are_the_first_of_more(rows, count, seed):
    vectors = unit(np.random.default_rng(seed).normal(size=(rows, 8)))
    vectors[rows // 2 :] = vectors[0]  # equals
    chosen = farthest_first(vectors, count)
    assert len(chosen) == len(set(chosen)) == min(count, rows)
    assert farthest_first(vectors, rows)[: len(chosen)] == chosen


@pytest.mark.parametrize("rows", [1, 2])
def test_of_few_rows_all_are_chosen(rows):
    assert sorted(farthest_first(around([0] * rows), 5)) == list(range(rows))


def test_ten_thousand_rows_take_seconds():
    vectors = unit(np.random.default_rng(1).normal(size=(10_000, 64)))
    start = time.process_time()
    farthest_first(vectors, 1000)
    assert time.process_time() - start < 20
