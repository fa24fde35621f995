import copy

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from labelmint.students import fine_tune as module
from labelmint.students.fine_tune import fine_tune, measure, planned_epochs, uses_bf16
from tests.encoder.helpers import config, review_rows


@pytest.mark.parametrize(
    ("rows", "planned", "min_steps", "max_steps", "epochs"),
    [
        (160, 4, 40, 200, 4),  # 10 steps an epoch
        (160, 4, 41, 200, 5),
        (161, 4, 41, 200, 4),  # 11 steps an epoch
        (1, 1, 60, 200, 60),
        (100_000, 4, 60, 200, 1),
        (160, 4, 0, 40, 4),
        (160, 4, 0, 39, 3),
        (160, 4, 0, 5, 1),
        (160, 1, 35, 40, 4),
    ],
)
def test_small_arms_run_more_epochs_and_large_ones_fewer(
    monkeypatch, rows, planned, min_steps, max_steps, epochs
):
    monkeypatch.setattr(module, "MIN_STEPS", min_steps)
    monkeypatch.setattr(module, "MAX_STEPS", max_steps)
    assert planned_epochs(config(batch_rows=16, epochs=planned), rows) == epochs


@pytest.mark.parametrize(
    ("precision", "amx", "avx512", "expected"),
    [
        ("fp32", True, True, False),
        ("bf16", False, False, True),
        ("auto", False, False, False),
        ("auto", True, False, True),
        ("auto", False, True, True),
    ],
)
def test_bf16_is_used_as_told_or_where_the_cpu_has_it(monkeypatch, precision, amx, avx512, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    assert uses_bf16(config(precision=precision)) is expected


@pytest.mark.parametrize("labels", [2, 3])
def test_measures_are_those_of_scikit_learn(labels):
    draw = np.random.default_rng(0)
    logits, truth = draw.normal(0, 4, (50, labels)), draw.integers(0, labels, 50)
    odds = np.exp(logits)
    found = measure(logits, truth)
    assert found["accuracy"] == (logits.argmax(axis=1) == truth).mean()
    expected = log_loss(truth, odds / odds.sum(axis=1, keepdims=True), labels=range(labels))
    assert found["log_loss"] == pytest.approx(expected)


def test_measures_are_finite_for_large_logits():
    found = measure(np.array([[1000.0, -1000.0]]), np.array([1]))
    assert found == {"accuracy": 0.0, "log_loss": 2000.0}


@pytest.fixture(autouse=True)
def epochs_as_set(monkeypatch):
    monkeypatch.setattr(module, "MIN_STEPS", 0)


@pytest.fixture
def run(classifier, tokenizer, collator):
    """Return run(...): fine-tune a fresh classifier on 40 reviews; give it and the history back."""

    def tune(seed=1, validate=True, length=None, on_rows=lambda _: None, each=20, labels=2, **changes):
        model = classifier(labels)
        history = fine_tune(
            model,
            review_rows(tokenizer, each, labels),
            collator,
            config(**changes),
            seed,
            validation=review_rows(tokenizer, 30, labels, first=1000) if validate else None,
            epochs=length,
            on_rows=on_rows,
        )
        return model, history

    return tune


def state(model):
    return {name: part.clone() for name, part in model.state_dict().items()}


def changed(model, before, part):
    return [
        name for name, value in state(model).items() if part in name and not torch.equal(value, before[name])
    ]


def test_unseen_rows_of_three_separable_labels_are_learnt(run):
    model, history = run(epochs=6, each=150, labels=3, learning_rate=3e-3)
    assert len(history) == 6
    assert set(history[0]) == {"accuracy", "log_loss"}
    assert history[-1]["accuracy"] > 0.9  # chance: 0.33
    assert history[-1]["log_loss"] < 0.6 < history[0]["log_loss"]
    assert {part.dtype for part in model.parameters()} == {torch.float32}


def test_without_validation_rows_there_is_no_history(run):
    assert run(validate=False)[1] == []


def test_nothing_is_printed(run, capsys):
    run()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("length", "epochs"), [(1, 1), (2, 2), (4, 4), (None, 3)])
def test_the_schedule_has_the_length_asked_for(run, length, epochs):
    told = []
    _, history = run(epochs=3, length=length, on_rows=told.append)
    assert len(history) == epochs
    assert told == [16] * 3 * epochs  # 40 rows: three batches


def test_the_learning_rate_falls_over_the_whole_schedule(run):
    _, asked = run(epochs=3, length=2)
    _, planned = run(epochs=2)
    _, longer = run(epochs=3)
    assert asked == planned
    assert asked != longer[:2]


def test_the_embeddings_stay_as_they_are(run, classifier):
    before = state(classifier())
    model, _ = run(validate=False)
    assert changed(model, before, "embeddings") == []
    assert changed(model, before, "encoder.encoder.layer")
    assert changed(model, before, "head")


def test_the_seed_decides_and_nothing_else(run):
    first, _ = run(validate=False)
    torch.manual_seed(12345)
    np.random.seed(12345)  # noqa: NPY002 - the Trainer must not depend on it
    again, _ = run(validate=False)
    other, _ = run(seed=2, validate=False)
    assert changed(again, state(first), "") == []
    assert changed(other, state(first), "head")


def test_the_run_starts_from_the_head_that_it_is_given(classifier, tokenizer, collator):
    draw = np.random.default_rng(0)
    model = classifier()
    model.set_head(draw.normal(0, 1, (2, model.width)), [5.0, -5.0])
    before = copy.deepcopy(model)
    fine_tune(model, review_rows(tokenizer, 20), collator, config(epochs=1, learning_rate=1e-9), 1)
    np.testing.assert_allclose(model.head.weight.detach(), before.head.weight.detach(), atol=1e-6)
    np.testing.assert_allclose(model.head.bias.detach(), [5, -5], atol=1e-6)
