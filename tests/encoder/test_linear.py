import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from labelmint.core.folds import FOLDS
from labelmint.encoder import linear
from labelmint.encoder.data import HeldOut
from labelmint.encoder.linear import fit_head, fit_heads, held_out_logits
from labelmint.encoder.linear import head_probabilities as softmax
from labelmint.scoring.scores import calibration_error


def separable(labels, each=20, width=6, seed=0):
    """Return unit features that gather around a direction of their own for each label."""
    draw = np.random.default_rng(seed)
    numbers = draw.permutation(np.repeat(np.arange(labels), each))
    features = np.eye(width)[numbers] + draw.normal(0, 0.2, (len(numbers), width))
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32), numbers


def noise(labels, each=20, width=6):
    draw = np.random.default_rng(3)
    features = draw.normal(0, 1, (labels * each, width))
    return features.astype(np.float32), draw.permutation(np.repeat(np.arange(labels), each))


@pytest.mark.parametrize("labels", [2, 3])
def test_separable_labels_are_learnt_for_unseen_rows(monkeypatch, labels):
    monkeypatch.setattr(linear, "_REGULARISATION", [1.0, 10.0])
    weight, bias = fit_head(*separable(labels), labels, 1)
    assert (weight.shape, bias.shape) == ((labels, 6), (labels,))
    features, numbers = separable(labels, seed=9)
    assert ((features @ weight.T + bias).argmax(axis=1) == numbers).mean() > 0.95


@pytest.mark.parametrize("labels", [2, 3])
@pytest.mark.parametrize("c", [0.1, 1.0, 30.0])
def test_logits_are_those_of_scikit_learn_but_for_the_temperature(monkeypatch, labels, c):
    monkeypatch.setattr(linear, "_REGULARISATION", [c])
    features, numbers = noise(labels)
    expected = LogisticRegression(C=c, max_iter=2000).fit(features, numbers).predict_log_proba(features)
    weight, bias = fit_head(features, numbers, labels, 1)
    logits = features @ weight.T + bias
    ratios = (logits[:, 0] - logits[:, 1]) / (expected[:, 0] - expected[:, 1])
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-3)
    assert ratios[0] > 0


def overlapping(rows, seed):
    """Return rows of two labels that are often mistaken, and many dimensions that say nothing."""
    draw = np.random.default_rng(seed)
    numbers = np.tile([0, 1], rows)[:rows]
    features = draw.normal(0, 1, (rows, 60)).astype(np.float32)
    features[:, 0] += numbers
    return features, numbers


def test_probabilities_are_right_as_often_as_they_say(monkeypatch):
    """Without a temperature the error is 0.12; with it 0.05."""
    monkeypatch.setattr(linear, "_REGULARISATION", [1.0, 30.0])
    errors = {}
    for name, temperature in {"fitted": linear.fit_temperature, "none": lambda *_: 1.0}.items():
        monkeypatch.setattr(linear, "fit_temperature", temperature)
        heads = [fit_head(*overlapping(100, seed), 2, 1) for seed in range(1, 4)]
        fresh = [overlapping(2000, seed) for seed in range(101, 104)]
        errors[name] = np.mean(
            [
                calibration_error(softmax(features, *head)[None], truth)
                for head, (features, truth) in zip(heads, fresh, strict=True)
            ]
        )
    assert errors["fitted"] < 0.6 * errors["none"]


def test_a_label_of_heavier_rows_is_more_probable(monkeypatch):
    monkeypatch.setattr(linear, "_REGULARISATION", [0.1])
    features, numbers = overlapping(120, 1)
    plain, heavy = (
        softmax(features, *fit_head(features, numbers, 2, 1, np.where(numbers == 1, weight, 1.0)))
        for weight in (1.0, 5.0)
    )
    assert heavy[:, 1].mean() > plain[:, 1].mean() + 0.1


def test_regularisation_is_chosen_by_cross_validation(monkeypatch):
    monkeypatch.setattr(linear, "_REGULARISATION", [0.1, 10.0])

    def steepness(features, numbers):
        return np.linalg.norm(fit_head(features, numbers, 2, 1)[0])

    assert steepness(*separable(2)) > 10 * steepness(*noise(2))


@pytest.mark.parametrize(("labels", "missing"), [(3, 0), (3, 2), (4, 1)])
def test_a_label_without_rows_is_never_predicted(monkeypatch, labels, missing):
    monkeypatch.setattr(linear, "_REGULARISATION", [1.0])
    features, numbers = separable(labels)
    kept = numbers != missing
    weight, bias = fit_head(features[kept], numbers[kept], labels, 1)
    predicted = softmax(features, weight, bias)
    assert predicted[:, missing].max() < 1e-6
    assert (predicted.argmax(axis=1)[kept] == numbers[kept]).mean() > 0.95


def test_a_label_of_a_single_row_needs_no_cross_validation():
    features, numbers = noise(2, each=10)
    kept = np.concatenate([np.flatnonzero(numbers == 0), np.flatnonzero(numbers == 1)[:1]])
    own, labels = features[kept], numbers[kept]
    expected = LogisticRegression(max_iter=2000).fit(own, labels).predict_proba(own)
    np.testing.assert_allclose(softmax(own, *fit_head(own, labels, 2, 1)), expected, atol=1e-5)


def test_heads_without_a_fold_know_every_label():
    features, numbers = separable(3)
    rare = np.flatnonzero(numbers == 2)[0]
    used = np.append(np.flatnonzero(numbers < 2), rare)
    folds = np.arange(len(used)) % FOLDS
    whole, *others = fit_heads(features[used], numbers[used], 3, 1, folds)
    for weight, bias in [whole, *others]:
        assert (features[rare] @ weight.T + bias).argmax() == 2


def test_held_out_rows_are_never_given_a_label_that_has_no_rows():
    features, numbers = separable(2)
    split = HeldOut(np.arange(30), np.arange(30, 40), numbers)
    logits = held_out_logits(features, np.ones(40), [split], 1.0, 3)
    assert (logits[:, 2] == -30).all()
    assert (logits[:, :2].argmax(axis=1) == numbers[30:]).all()
