import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmint.scoring.equivalence import label_equivalence, rows_for

SIZES = [100, 300, 1000, 3000]
CURVE = np.array([0.6, 0.7, 0.75, 0.8])


def between(low, high, share):
    return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))


@pytest.mark.parametrize(
    ("score", "rows"),
    [
        (0.3, 100),  # below the curve
        (0.6, 100),
        (0.65, between(100, 300, 0.5)),
        (0.7, 300),
        (0.71, between(300, 1000, 0.2)),
        (0.7625, between(1000, 3000, 0.25)),
        (0.8, 3000),
        (0.95, 3000),  # above it
    ],
)
def test_rows_are_interpolated_in_their_logarithm(score, rows):
    assert rows_for(score, SIZES, CURVE) == pytest.approx(rows)


@pytest.mark.parametrize(
    ("curve", "score", "rows"),
    [
        ([0.6, 0.8, 0.7, 0.8], 0.75, 300),  # 0.8 and 0.7 become 0.75 twice: the fewer rows reach it
        ([0.6, 0.7, 0.8, 0.7], 0.74, between(300, 1000, 0.8)),  # 0.8 and 0.7 become 0.75
        ([0.6, 0.7, 0.9, 0.7], 0.75, between(300, 1000, 0.5)),  # 0.9 and 0.7 become 0.8
        ([0.8, 0.7, 0.6, 0.5], 0.65, 100),  # all become 0.65
        ([0.7, 0.7, 0.7, 0.7], 0.7, 100),
        ([0.6, 0.7, 0.7, 0.8], 0.7, 300),
    ],
)
def test_a_curve_that_falls_is_made_to_rise_first(curve, score, rows):
    assert rows_for(score, SIZES, np.array(curve)) == pytest.approx(rows)


@pytest.mark.parametrize(
    ("curve", "score", "rows"),
    [
        ([0.8, 0.7, 0.6, 0.5], 0.66, 100),  # all become 0.65
        ([0.82, 0.79, 0.81, 0.81], 0.81, 100),
        ([0.6, 0.8, 0.7, 0.8], 0.775, 300),  # 0.8 and 0.7 become 0.75
        ([0.6, 0.7, 0.9, 0.7], 0.85, 1000),
    ],
)
def test_made_rows_are_worth_no_more_than_a_real_arm_that_scores_as_high(curve, score, rows):
    assert rows_for(score, SIZES, np.array(curve)) == rows


POINTS = st.lists(st.floats(0.2, 1.0), min_size=4, max_size=4)


@settings(max_examples=25)
@given(POINTS, st.floats(0, 1), st.floats(0, 1))
def test_rows_rise_with_the_score_and_stay_on_the_curve(curve, one, other):
    low, high = (rows_for(score, SIZES, np.array(curve)) for score in sorted((one, other)))
    assert 100 <= low <= high <= 3000


def equivalence(score, spread=0.0, curve_spread=0.0):
    """Return the equivalence of an arm whose resampled scores are normal."""
    draw = np.random.default_rng(0)
    samples = draw.normal(score, spread, 1000)
    curve_samples = CURVE[:, None] + draw.normal(0, curve_spread, (4, 1000))
    return label_equivalence(score, samples, SIZES, CURVE, curve_samples)


ENDS, BEGINS = "the real curve ends there", "the real curve begins there"


@pytest.mark.parametrize(
    ("score", "spread", "note"),
    [
        (0.72, 0.005, ""),
        (0.85, 0.005, f"at least 3000: {ENDS}"),
        (0.8, 0.0, f"at least 3000: {ENDS}"),
        (0.81, 0.02, f"3000 or more: {ENDS}"),
        (0.5, 0.005, f"at most 100: {BEGINS}"),
        (0.6, 0.0, f"at most 100: {BEGINS}"),
        (0.59, 0.02, f"100 or fewer: {BEGINS}"),
        (0.79, 0.02, "the interval reaches the curve's end, 3000"),
        (0.62, 0.02, "the interval reaches the curve's beginning, 100"),
        (0.58, 0.2, f"100 or fewer: {BEGINS}; the interval reaches the curve's end, 3000"),
    ],
)
def test_the_note_says_where_the_curve_ends_before_the_score(score, spread, note):
    assert equivalence(score, spread)["note"] == note


def test_the_interval_is_of_the_resampled_scores():
    worth = equivalence(0.725, spread=0.0125)
    assert worth["rows"] == round(between(300, 1000, 0.5))
    low, high = (between(300, 1000, 0.5 + shift / 0.05) for shift in (-1.96 * 0.0125, 1.96 * 0.0125))
    assert worth["ci_low"] == pytest.approx(low, rel=0.05)
    assert worth["ci_high"] == pytest.approx(high, rel=0.05)


def test_the_uncertainty_of_the_curve_counts_too():
    sure, unsure = equivalence(0.72, 0.01), equivalence(0.72, 0.01, curve_spread=0.02)
    assert unsure["ci_low"] < sure["ci_low"]
    assert unsure["ci_high"] > sure["ci_high"]


@pytest.mark.parametrize("score", [0.1, 0.72, 0.99])
def test_rows_are_whole_numbers_in_order(score):
    worth = equivalence(score, 0.02)
    assert set(worth) == {"rows", "ci_low", "ci_high", "note"}
    assert all(type(worth[key]) is int for key in ("rows", "ci_low", "ci_high"))
    assert 100 <= worth["ci_low"] <= worth["rows"] <= worth["ci_high"] <= 3000
