import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.rules.outliers import NEIGHBOURS, outliers, threshold_of
from tests.builders import labelled
from tests.filter.vectors import around, unit


def real(rows, seed=0):
    return [labelled("a", at) for at in range(rows)], around([0] * rows, 0.2, seed)


def test_of_rows_like_the_real_ones_at_most_the_share_is_rejected():
    """Over 100 draws of 100 real rows and 100 others of the same kind."""
    shares = [
        len(outliers(around([0] * 100, 0.2, 1000 + seed), *real(100, seed), 0.95)) / 100
        for seed in range(100)
    ]
    assert 0.02 < np.mean(shares) < 0.06


def test_rows_of_another_kind_are_rejected_with_the_nearest_real_row():
    rows, vectors = real(100)
    found = outliers(np.concatenate([vectors[:5], around([3] * 5)]), rows, vectors, 0.99)
    assert list(found) == [5, 6, 7, 8, 9]
    for place, evidence in found.items():
        near = vectors @ around([3] * 5)[place - 5]
        assert evidence["real"] == rows[int(near.argmax())]["id"]
        assert evidence["real_text"] == rows[int(near.argmax())]["text"]
        assert evidence["distance"] == pytest.approx(1 - np.sort(near)[-NEIGHBOURS:].mean(), abs=1e-4)


@pytest.mark.parametrize(("rows", "known"), [(0, False), (98, False), (99, True), (100, True)])
def test_too_few_real_rows_can_not_say_what_is_one_in_a_hundred(rows, known):
    labelled_rows, vectors = real(rows) if rows else ([], np.zeros((0, 0), np.float32))
    assert (threshold_of(vectors, 0.99) < math.inf) == known
    assert bool(outliers(around([3]), labelled_rows, vectors, 0.99)) == known


@given(st.integers(NEIGHBOURS + 1, 60), st.floats(0, 1), st.integers(0, 5))
def test_the_share_of_the_real_rows_is_within_the_threshold(rows, quantile, seed):
    vectors = real(rows, seed)[1]
    threshold = threshold_of(vectors, quantile)
    near = vectors @ vectors.T
    np.fill_diagonal(near, -np.inf)
    own = 1 - np.sort(near, axis=1)[:, -NEIGHBOURS:].astype(np.float64).mean(axis=1)
    assert (own <= threshold + 1e-6).mean() >= quantile - 1e-9


def test_nothing_to_judge_is_no_error():
    assert outliers(np.zeros((0, 0), np.float32), *real(5), 0.5) == {}
    assert outliers(unit(np.zeros((0, 8))), *real(5), 0.5) == {}
