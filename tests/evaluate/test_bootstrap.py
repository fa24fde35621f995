import numpy as np
import pytest
from scipy.stats import norm

from stages.evaluate.bootstrap import Bootstrap, interval, two_sided_p
from stages.evaluate.scores import accuracies
from tests.evaluate.helpers import arm, simulated, wrong_at

REPEATS, ROWS, SAMPLES = 200, 300, 300
# Seeds, and how far they differ: a single seed can't show that, so its interval is right only without it.
SPREADS = [(1, 0.0), (3, 0.1), (5, 0.1)]


def expected(spread):
    """Return the accuracy of `helpers.simulated` over all rows, seeds and chances."""
    return norm.cdf(0.8 / np.sqrt(1 + spread**2 + 0.7**2))


def many(seeds, spread):
    """Yield simulated repeats: a bootstrap, and two arms of the same quality on the same rows."""
    draw = np.random.default_rng(seeds)
    for repeat in range(REPEATS):
        truth, easiness = draw.integers(0, 2, ROWS), draw.normal(0, 1, ROWS)
        pair = [arm(name, simulated(draw, truth, easiness, seeds, spread)) for name in ("one", "other")]
        yield Bootstrap(truth, 2, SAMPLES, repeat), *pair


@pytest.mark.parametrize(("seeds", "spread"), SPREADS)
def test_intervals_hold_the_true_accuracy_19_times_in_20(seeds, spread):
    inside = 0
    for bootstrap, one, _ in many(seeds, spread):
        found = interval(bootstrap.accuracy(one))
        inside += found["ci_low"] <= expected(spread) <= found["ci_high"]
    assert 0.90 <= inside / REPEATS <= 0.99


@pytest.mark.parametrize(("seeds", "spread"), SPREADS)
def test_arms_of_the_same_quality_are_rarely_different(seeds, spread):
    different = excluded = 0
    for bootstrap, one, other in many(seeds, spread):
        differences = bootstrap.accuracy(one) - bootstrap.accuracy(other)
        different += two_sided_p(differences) < 0.05
        found = interval(differences)
        excluded += not found["ci_low"] <= 0 <= found["ci_high"]
    assert different <= 0.1 * REPEATS
    assert excluded <= 0.1 * REPEATS
    assert different >= 1  # or it would never say anything


def test_differences_are_paired():
    truth = np.random.default_rng(0).integers(0, 2, 400)
    better = arm("better", wrong_at(truth, range(100)))
    worse = arm("worse", wrong_at(truth, range(115)))  # wrong wherever the other is, and in 15 rows more
    bootstrap = Bootstrap(truth, 2, 1000, 1)
    one, other = bootstrap.accuracy(better), bootstrap.accuracy(worse)
    assert interval(other)["ci_high"] > interval(one)["ci_low"]
    assert interval(one - other)["ci_low"] > 0
    assert two_sided_p(one - other) < 0.01


def test_equal_predictions_never_differ():
    truth = np.arange(50) % 2
    bootstrap = Bootstrap(truth, 2, 200, 1)
    same = [bootstrap.accuracy(arm(name, wrong_at(truth, range(10)))) for name in ("one", "other")]
    assert interval(same[0] - same[1]) == {"ci_low": 0.0, "ci_high": 0.0}
    assert two_sided_p(same[0] - same[1]) == 1.0


@pytest.mark.parametrize("measure", ["accuracy", "macro_f1"])
def test_samples_scatter_around_the_score(measure):
    truth = np.random.default_rng(0).integers(0, 2, 500)
    own = arm("one", wrong_at(truth, range(100), range(90, 200)))
    samples = getattr(Bootstrap(truth, 2, 2000, 1), measure)(own)
    assert samples.shape == (2000,)
    score = 1 - 105 / 500  # of both measures, to within a hundredth: the labels are in balance
    assert samples.mean() == pytest.approx(score, abs=0.01)
    assert 0.01 < samples.std() < 0.03


def test_the_spread_is_that_of_rows_and_seeds_together():
    truth = np.zeros(3000, np.int64)
    own = arm("one", wrong_at(truth, range(300), range(600), range(900)))
    samples = Bootstrap(truth, 2, 2000, 1).accuracy(own)
    by_seed = accuracies(own.predicted, truth, np.ones((1, 3000)))[:, 0]
    # The rows hardly matter with so many; the mean of three seeds has sd/√3, sd being the unbiased one.
    assert samples.std() == pytest.approx(by_seed.std(ddof=1) / np.sqrt(3), rel=0.1)


def test_one_seed_has_no_spread_of_seeds():
    truth = np.arange(1000) % 2
    samples = Bootstrap(truth, 2, 3000, 1).accuracy(arm("one", wrong_at(truth, range(250))))
    assert samples.std() == pytest.approx(np.sqrt(0.25 * 0.75 / 1000), rel=0.1)


def test_the_seed_decides():
    truth = np.arange(100) % 2
    own = arm("one", wrong_at(truth, range(30), range(20)))
    first = Bootstrap(truth, 2, 100, 1).accuracy(own)
    np.testing.assert_array_equal(Bootstrap(truth, 2, 100, 1).accuracy(own), first)
    assert (Bootstrap(truth, 2, 100, 2).accuracy(own) != first).any()


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
