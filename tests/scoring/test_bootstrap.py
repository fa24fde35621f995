import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmint.scoring.bootstrap import (
    Bootstrap,
    Spread,
    adjust,
    interval,
    score_interval,
    seed_spread,
    two_sided_p,
)
from tests.scoring.helpers import arm, wrong_at


@pytest.mark.parametrize(("wrong", "low", "high"), [(0, 0.886, 1.0), (30, 0.0, 0.114)])
def test_no_accuracy_is_certain(wrong, low, high):
    truth = np.zeros(30, np.int64)
    score = Bootstrap(truth, 2, 200, 1).score(arm("one", wrong_at(truth, range(wrong))))
    assert (score["ci_low"], score["ci_high"]) == pytest.approx((low, high), abs=0.001)


def test_of_many_rows_the_resampled_interval_is_hardly_widened():
    truth = np.zeros(1000, np.int64)
    bootstrap, one = Bootstrap(truth, 2, 2000, 1), arm("one", wrong_at(truth, range(200)))
    score, resampled = bootstrap.score(one), interval(bootstrap.scores(one))
    assert score["ci_low"] <= resampled["ci_low"]
    assert score["ci_high"] >= resampled["ci_high"]
    assert score["ci_high"] - score["ci_low"] == pytest.approx(0.05, abs=0.003)


def test_differences_are_paired():
    truth = np.random.default_rng(0).integers(0, 2, 400)
    better = arm("better", wrong_at(truth, range(100)))
    worse = arm("worse", wrong_at(truth, range(115)))  # wrong wherever the other is, and in 15 rows more
    bootstrap = Bootstrap(truth, 2, 1000, 1)
    one, other = interval(bootstrap.scores(better)), interval(bootstrap.scores(worse))
    assert other["ci_high"] > one["ci_low"]
    differences = bootstrap.difference(better, worse)
    assert interval(differences)["ci_low"] > 0
    assert two_sided_p(differences) < 0.01
    equal = bootstrap.difference(better, better)
    assert (interval(equal), two_sided_p(equal)) == ({"ci_low": 0.0, "ci_high": 0.0}, 1.0)


@pytest.mark.parametrize("measure", ["accuracy", "macro_f1"])
def test_samples_scatter_around_the_score(measure):
    truth = np.random.default_rng(0).integers(0, 2, 500)
    one_arm = arm("one", wrong_at(truth, range(100), range(90, 200)))
    samples = Bootstrap(truth, 2, 2000, 1).scores(one_arm, measure)
    assert samples.shape == (2000,)
    score = 1 - 105 / 500  # of both measures, to within a hundredth: the labels are in balance
    assert samples.mean() == pytest.approx(score, abs=0.01)
    assert 0.01 < samples.std() < 0.03


def test_the_spread_is_that_of_rows_and_seeds_together():
    truth = np.zeros(1500, np.int64)
    one_arm = arm("one", wrong_at(truth, range(150), range(300), range(450)))
    bootstrap = Bootstrap(truth, 2, 1000, 1)
    samples, by_seed = bootstrap.scores(one_arm), bootstrap.by_seed(one_arm)
    # The rows hardly matter with so many; the mean of three seeds has sd/√3, and two degrees of freedom.
    wide = 4.303 * by_seed.std(ddof=1) / np.sqrt(3)
    span = interval(samples)
    assert (span["ci_high"] - span["ci_low"]) / 2 == pytest.approx(wide, rel=0.2)
    assert span["ci_high"] > 1  # of a score, that is cut off
    assert score_interval(samples)["ci_high"] == 1


def test_seeds_that_differ_by_no_more_than_their_rows_add_nothing():
    draw, truth = np.random.default_rng(0), np.zeros(2000, np.int64)
    one_arm = arm("one", (draw.random((3, 2000)) < 0.25).astype(np.int64))
    same = arm("one", np.stack([one_arm.predicted[0]] * 3))
    bootstrap = Bootstrap(truth, 2, 1000, 1)
    # Three seeds that are wrong elsewhere each tell more about the mean than three that are the same.
    assert bootstrap.scores(one_arm).std() < bootstrap.scores(same).std()
    assert bootstrap.scores(same).std() == pytest.approx(np.sqrt(0.25 * 0.75 / 2000), rel=0.1)


SPREAD = st.builds(Spread, st.floats(1e-6, 1), st.integers(1, 9).map(float))


@settings(max_examples=20)
@given(SPREAD, SPREAD)
def test_variances_add_and_the_fewer_degrees_of_freedom_count(one, other):
    both = one + other
    assert both.variance == pytest.approx(one.variance + other.variance)
    assert both.freedom == min(one.freedom, other.freedom)
    alone = one + Spread()
    assert (alone.variance, alone.freedom) == pytest.approx((one.variance, one.freedom))


def test_the_part_of_the_rows_is_taken_off_the_variance_of_the_seeds():
    draw = np.random.default_rng(0)
    scores = np.array([0.7, 0.72, 0.78])
    resampled = scores[:, None] + draw.normal(0, 0.02, (3, 100_000))
    span = seed_spread(scores, resampled)
    assert span.variance == pytest.approx((scores.var(ddof=1) - 0.02**2) / 3, rel=0.02)
    assert span.freedom == 2
    assert seed_spread(scores[:1], resampled[:1]) == Spread() == Spread() + Spread()
    assert seed_spread(np.full(3, 0.7), resampled).variance == 0  # never negative


def test_the_seed_decides_and_not_what_other_arms_there_are():
    truth = np.arange(200) % 2
    one_arm, other = (arm(name, wrong_at(truth, range(30), range(60))) for name in ("one", "other"))
    alone = Bootstrap(truth, 2, 200, 1).scores(one_arm)
    bootstrap = Bootstrap(truth, 2, 200, 1)
    bootstrap.scores(other)
    np.testing.assert_array_equal(bootstrap.scores(one_arm), alone)
    assert (Bootstrap(truth, 2, 200, 2).scores(one_arm) != alone).any()


def test_an_interval_is_of_the_middle_95_percent():
    assert interval(np.random.default_rng(0).permutation(np.arange(1001) / 1000)) == {
        "ci_low": 0.025,
        "ci_high": 0.975,
    }


@pytest.mark.parametrize(
    ("negative", "zero", "positive", "p"),
    [
        (0, 0, 999, 0.001),  # never 0: more samples could tell
        (999, 0, 0, 0.001),
        (10, 0, 989, 0.02),
        (989, 0, 10, 0.02),
        (0, 10, 989, 0.02),
        (500, 0, 499, 0.998),
        (0, 999, 0, 1.0),
    ],
)
def test_the_p_value_is_twice_the_smaller_tail(negative, zero, positive, p):
    differences = np.concatenate([np.full(negative, -0.1), np.zeros(zero), np.full(positive, 0.1)])
    assert two_sided_p(differences) == p


def test_p_values_are_adjusted_for_there_being_several():
    gains = [{"p_value": 0.01}, {"p_value": 0.04}, {"p_value": 0.5}]
    adjust(gains)
    assert [gain["p_adjusted"] for gain in gains] == [0.03, 0.08, 0.5]
    adjust([])
