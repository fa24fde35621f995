"""IMP and DIMP weights on made rows of which we know what is wrong with them."""

import numpy as np
import pytest

from labelmint.core.errors import DataError
from labelmint.core.params import Arm
from labelmint.students import importance
from labelmint.students.importance import dimp, imp
from tests.students.test_sources import task

METHODS = {"imp": imp, "dimp": dimp}


def weights_of(method, rows, labels, features, **options):
    arm = Arm(real="all", synthetic="all", weights=method, **options)
    rows = [{**row, "label": "ab"[label]} for row, label in zip(rows, labels, strict=True)]
    return METHODS[method](arm, rows, "ab", features, 1)


def synthetic(right=0.8):
    """Return 60 real rows, and 200 synthetic ones of which a share has the right label.

    The first feature is higher by four standard deviations where the label should be 1.
    """
    rows, labels, features = (part[:260] for part in task(right, 1.0, real=60, made=200))
    features[:, 0] += 3 * (np.arange(260) % 2)
    return rows, labels, features


@pytest.mark.parametrize("method", METHODS)
def test_real_rows_count_once_and_wrong_labels_less_than_right_ones(method):
    rows, labels, features = synthetic()
    weights = weights_of(method, rows, labels, features)[0]
    assert set(weights[:60]) == {1.0}
    fits = (features[60:, 0] > 2) == (labels[60:] == 1)
    assert weights[60:][fits].mean() > 2 * weights[60:][~fits].mean()


def test_a_row_that_made_data_have_too_often_counts_less():
    """A pattern that goes with a label in made rows alone: those that carry it are weighted down."""
    rows, labels, features = synthetic(1.0)
    carries = np.zeros(260, np.bool_)
    carries[60:] = labels[60:] == 1
    features[:, 1] = np.where(carries, 3.0, 0.0)
    weights = weights_of("imp", rows, labels, features)[0][60:]
    assert weights.max() <= 1.05  # the made classifier is sure of each label, the real one is not


def test_the_model_in_training_learns_from_the_weighted_rows(monkeypatch):
    rows, labels, features = synthetic()
    later = weights_of("dimp", rows, labels, features)[0][60:]
    monkeypatch.setattr(importance, "_ROUNDS", 1)
    first = weights_of("dimp", rows, labels, features)[0][60:]
    assert abs(later - first).mean() > 0.05


@pytest.mark.parametrize("method", METHODS)
def test_weights_are_clipped_and_their_effective_size_is_told(method):
    rows, labels, features = synthetic()
    free = weights_of(method, rows, labels, features)[1]["weighting"]
    clipped = weights_of(method, rows, labels, features, max_weight=1.0)[1]["weighting"]
    assert free["largest"] > clipped["largest"] == 1.0
    assert free["made_rows"] == 200
    assert free["effective_rows"] < clipped["effective_rows"] <= 200


@pytest.mark.parametrize("method", METHODS)
def test_real_rows_of_one_label_can_weigh_nothing(method):
    rows, labels, features = synthetic()
    with pytest.raises(DataError, match="real rows of two labels"):
        weights_of(method, rows, np.where(np.arange(260) < 60, 0, labels), features)


def test_made_rows_of_one_label_are_sure_of_it():
    rows, labels, features = synthetic()
    weights = weights_of("imp", rows, np.where(np.arange(260) < 60, labels, 0), features)[0]
    assert weights.max() <= 1  # P(y|x) / 1
