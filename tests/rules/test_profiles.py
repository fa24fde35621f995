import numpy as np
import pytest

from labelmint.rules.profiles import Dynamics, dynamics
from tests.rules.helpers import around


def learnt(seed=1):
    """Rows 0–79 lie where their label is, 80–89 at the other label, 90–99 between the two."""
    labels = np.arange(100) % 2
    axes = np.where((np.arange(100) >= 80) & (np.arange(100) < 90), 1 - labels, labels)
    vectors = around(axes, 0.1)
    middle = np.array([1, 1, *[0] * 6]) / np.sqrt(2)
    vectors[90:] = middle
    return dynamics(vectors, labels, 2, seed, 100)


@pytest.fixture(scope="module")
def found():
    return learnt()


def test_rows_are_easy_hard_or_ambiguous_as_they_lie(found):
    assert found.confidence[:80].min() > 0.6
    assert found.confidence[80:90].max() < 0.4
    np.testing.assert_allclose(found.confidence[90:], 0.5, atol=0.15)
    profiles = found.profiles()
    assert set(profiles[:80]) <= {"easy", "ambiguous"}
    assert profiles[:80].count("easy") >= 30
    assert "easy" not in profiles[80:]
    assert set(profiles[90:]) == {"ambiguous"}


@pytest.mark.parametrize(
    ("confidence", "uncertainty", "profile"),
    [
        (0.9, 0.05, "easy"),
        (0.75, 0.05, "easy"),
        (0.74, 0.05, "ambiguous"),
        (0.9, 0.2, "ambiguous"),  # sure on average, but not steadily
        (0.1, 0.05, "hard"),
        (0.25, 0.05, "hard"),
        (0.1, 0.2, "ambiguous"),
        (0.5, 0.05, "ambiguous"),
    ],
)
def test_the_profile_is_by_confidence_and_uncertainty(confidence, uncertainty, profile):
    # The others' uncertainties have 0.1 in their middle.
    others = np.linspace(0, 0.2, 101)
    rows = Dynamics(np.append(np.full(101, 0.9), confidence), np.append(others, uncertainty), np.zeros(102))
    assert rows.profiles()[-1] == profile


def test_the_same_seed_gives_the_same_numbers_and_notes(found):
    assert found.notes() == learnt().notes() != learnt(seed=2).notes()
    for note in found.notes():
        assert 0 <= note["confidence"] <= 1
        assert 0 <= note["variability"] <= 0.5


def test_only_the_first_rows_are_described_and_all_are_learnt_from():
    labels = np.arange(60) % 2
    vectors = around(labels)
    few = dynamics(vectors, labels, 2, 1, 10)
    assert len(few.notes()) == 10
    np.testing.assert_allclose(few.confidence, dynamics(vectors, labels, 2, 1, 60).confidence[:10], atol=1e-6)


def test_the_less_steady_half_is_ambiguous_however_sure():
    steady = np.array([0.01, 0.02, 0.03, 0.04])
    sure = Dynamics(np.array([0.9, 0.1, 0.9, 0.1]), steady, steady)
    assert sure.profiles() == ["easy", "hard", "ambiguous", "ambiguous"]
