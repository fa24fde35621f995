import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from labelmint.scoring.scores import (
    ArmPredictions,
    calibration_by_chance,
    calibration_error,
    label_scores,
    reliability,
    weighted_scores,
)
from tests.scoring.helpers import NAMES

SEEDS = st.integers(0, 2**32 - 1)


def data(seed, rows=40, seeds=2, labels=3, samples=4):
    """Return predictions, truth and integer weights, some of which leave a label out altogether."""
    draw = np.random.default_rng(seed)
    shares = draw.dirichlet(np.full(labels, 0.7))
    truth = draw.choice(labels, rows, p=shares)
    predicted = np.where(
        draw.random((seeds, rows)) < 0.6, truth, draw.choice(labels, (seeds, rows), p=shares)
    )
    weights = draw.multinomial(rows, np.full(rows, 1 / rows), size=samples).astype(float)
    return predicted, truth, weights


def resampled(values, weights):
    """Return the values, each as often as its weight says."""
    return np.repeat(values, weights.astype(int))


def test_the_most_probable_label_is_predicted():
    probabilities = np.array([[[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]], [[0.1, 0.1, 0.8], [1.0, 0.0, 0.0]]])
    assert ArmPredictions("real", 9, probabilities).predicted.tolist() == [[1, 0], [2, 0]]


@settings(max_examples=5)
@given(SEEDS)
def test_scores_are_those_of_scikit_learn_and_weights_are_resample_counts(seed):
    predicted, truth, weights = data(seed)
    weights[0] = 1
    accuracy, f1 = (
        weighted_scores(metric, predicted, truth, weights, 3) for metric in ("accuracy", "macro_f1")
    )
    assert accuracy.shape == f1.shape == (2, 4)
    for sample, counts in enumerate(weights):
        real = resampled(truth, counts)
        for number, answers in enumerate(predicted):
            drawn = resampled(answers, counts)
            assert accuracy[number, sample] == pytest.approx(accuracy_score(real, drawn))
            expected = f1_score(real, drawn, labels=np.unique(real), average="macro", zero_division=0)
            assert f1[number, sample] == pytest.approx(expected)


@settings(max_examples=10)
@given(SEEDS)
def test_scores_of_labels_are_those_of_scikit_learn(seed):
    predicted, truth, _ = data(seed)
    computed = label_scores(predicted, truth, NAMES)
    assert list(computed) == NAMES
    each = [
        precision_recall_fscore_support(truth, answers, labels=[0, 1, 2], zero_division=0)[:3]
        for answers in predicted
    ]
    expected = np.mean(each, axis=0)  # shape (precision, recall and F1; labels)
    for label, name in enumerate(NAMES):
        answers = [computed[name][key] for key in ("precision", "recall", "f1")]
        np.testing.assert_allclose(answers, expected[:, label], atol=6e-5)


@pytest.mark.parametrize(("predicted", "f1"), [([0, 0, 1], 1.0), ([0, 0, 2], 0.5)])
def test_a_label_without_test_rows_does_not_lower_macro_f1_by_itself(predicted, f1):
    truth, answers = np.array([0, 0, 1]), np.array([predicted])
    assert weighted_scores("macro_f1", answers, truth, np.ones((1, 3)), 3)[0, 0] == pytest.approx(f1)
    assert label_scores(answers, truth, NAMES)["neutral"] == {"precision": 0, "recall": 0, "f1": 0}


def naive_calibration_error(probabilities, truth, bins=15):
    errors = []
    for answers in probabilities:
        error = 0.0
        for number in range(bins):
            low, high = number / bins, (number + 1) / bins
            inside = [
                (row.max(), row.argmax() == label)
                for row, label in zip(answers, truth, strict=True)
                if low <= row.max() < high or (number == bins - 1 and row.max() == 1)
            ]
            if inside:
                confidence, right = np.mean(inside, axis=0)
                error += len(inside) / len(truth) * abs(confidence - right)
        errors.append(error)
    return np.mean(errors)


@settings(max_examples=10)
@given(SEEDS, st.sampled_from([0.2, 1.0, 5.0]))
def test_the_calibration_error_is_that_of_a_naive_implementation(seed, sharpness):
    draw = np.random.default_rng(seed)
    probabilities = draw.dirichlet(np.full(3, 1 / sharpness), (2, 50))
    truth = draw.integers(0, 3, 50)
    computed = calibration_error(probabilities, truth)
    assert computed == pytest.approx(naive_calibration_error(probabilities, truth))


@settings(max_examples=10)
@given(SEEDS)
def test_the_gaps_of_the_reliability_curve_make_the_calibration_error_of_one_seed(seed):
    draw = np.random.default_rng(seed)
    probabilities, truth = draw.dirichlet(np.ones(3), (1, 50)), draw.integers(0, 3, 50)
    curve = reliability(probabilities, truth)
    assert sum(rows for *_, rows in curve) == 50
    error = sum(rows * abs(confidence - accuracy) for _, confidence, accuracy, rows in curve) / 50
    assert error == pytest.approx(calibration_error(probabilities, truth))


@pytest.mark.parametrize(
    ("confidence", "right", "error"),
    [(1.0, 10, 0.0), (1.0, 0, 1.0), (0.8, 8, 0.0), (0.8, 10, 0.2), (0.9, 5, 0.4)],
)
def test_the_calibration_error_is_confidence_that_is_not_deserved(confidence, right, error):
    probabilities = np.tile([confidence, 1 - confidence], (1, 10, 1))
    truth = np.array([0] * right + [1] * (10 - right))
    assert calibration_error(probabilities, truth) == pytest.approx(error)


@pytest.mark.parametrize("rows", [30, 1000])
def test_few_calibrated_arms_exceed_what_chance_shows(rows):
    draw, above, large = np.random.default_rng(0), 0, 0
    for repeat in range(60):
        sure = draw.uniform(0.5, 1, rows)
        probabilities = np.stack([sure, 1 - sure], axis=1)[None]
        truth = (draw.random(rows) > sure).astype(np.int64)
        error = calibration_error(probabilities, truth)
        above += error > calibration_by_chance(probabilities, repeat)
        large += error > 0.1
    assert above <= 8  # 3 expected
    assert large > 40 or rows > 30  # of 30 rows most, by chance


def test_an_arm_that_is_too_sure_exceeds_what_chance_shows():
    truth = np.arange(100) % 2
    probabilities = np.eye(2)[np.where(np.arange(100) < 70, truth, 1 - truth)] * 0.96 + 0.02
    by_chance = calibration_by_chance(np.stack([probabilities] * 3), 1)
    assert by_chance < calibration_error(probabilities[None], truth)
