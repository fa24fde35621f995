"""How often the intervals are right, on simulated arms: rows of many difficulties, seeds that differ.

`spread` is the standard deviation of a seed's score (0.03 makes 0.008 in accuracy), `chance` that of a single
answer (0.25 makes two seeds differ on 8 % of the rows, 0.7 on 21 %). On the bundled reviews the seeds'
accuracies have a standard deviation of 0.000 to 0.015 once the rows' part is taken off, and two seeds differ
on 5 to 9 % of the rows.
"""

import numpy as np
import pytest
from scipy.stats import norm

from labelmint.scoring.bootstrap import Bootstrap, interval, two_sided_p
from tests.scoring.helpers import arm

SAMPLES = 1000


def expected(spread, chance):
    """Return the accuracy over all rows, seeds and chances."""
    return norm.cdf(0.8 / np.sqrt(1 + spread**2 + chance**2))


def measured(seeds, spread, chance, repeats, rows):
    """Return how often the interval holds the true accuracy, and how often two equal arms differ."""
    draw = np.random.default_rng(round(1000 * (seeds + spread + chance)))
    # What is right matters and not what the label is, so one set of resampled rows serves all repeats.
    truth = np.zeros(rows, np.int64)
    bootstrap = Bootstrap(truth, 2, SAMPLES, 1)
    inside = excluded = different = 0
    for repeat in range(repeats):
        easiness = draw.normal(0.8, 1, rows)
        one, other = (
            arm(
                f"{name} {repeat}",
                np.where(
                    easiness + draw.normal(0, spread, (seeds, 1)) + draw.normal(0, chance, (seeds, rows)) > 0,
                    0,
                    1,
                ),
            )
            for name in ("one", "other")
        )
        span = interval(bootstrap.scores(one))
        inside += span["ci_low"] <= expected(spread, chance) <= span["ci_high"]
        differences = bootstrap.difference(one, other)
        span = interval(differences)
        excluded += not span["ci_low"] <= 0 <= span["ci_high"]
        different += two_sided_p(differences) < 0.05
    return inside / repeats, excluded / repeats, different / repeats


# Three standard deviations of the share of 200 repeats are 0.046.
@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "spread", "chance"), [(1, 0.0, 0.25), (3, 0.03, 0.25), (3, 0.06, 0.7)])
def test_intervals_are_about_right(seeds, spread, chance):
    inside, excluded, different = measured(seeds, spread, chance, repeats=200, rows=400)
    assert 0.90 <= inside <= 0.995
    assert 0 < excluded <= 0.09  # never different would be no test
    assert different <= 0.09
