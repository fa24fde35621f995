import numpy as np
import pytest

from labelmint.students.held_out import calibration_splits, calibration_trainings


@pytest.mark.parametrize(("real", "made"), [(100, 0), (100, 1700), (100, 60), (0, 500), (20, 20), (20, 500)])
def test_the_forecast_counts_the_trainings_that_a_temperature_takes(real, made):
    sources = ["real"] * real + ["synthetic"] * made
    rows = [{"id": str(at), "text": "", "source": source} for at, source in enumerate(sources)]
    labels = np.arange(len(rows)) % 2
    assert calibration_trainings(real, len(rows)) == len(calibration_splits(rows, labels, seed=1))
