import copy

import numpy as np
import pytest
import torch

from labelmint.students import schedule
from labelmint.students.fine_tune import fine_tune
from labelmint.students.schedule import planned_epochs
from tests.encoder.helpers import config, tokenized_reviews


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
    monkeypatch.setattr(schedule, "MIN_STEPS", min_steps)
    monkeypatch.setattr(schedule, "MAX_STEPS", max_steps)
    assert planned_epochs(config(batch_rows=16, epochs=planned), rows) == epochs


@pytest.fixture(autouse=True)
def epochs_as_set(monkeypatch):
    monkeypatch.setattr(schedule, "MIN_STEPS", 0)


@pytest.fixture
def run(classifier, tokenizer):
    """Return run(...): fine-tune a fresh classifier on 20 reviews."""

    def tune(seed=1, on_rows=lambda _: None, each=10, labels=2, weights=None, **changes):
        model = classifier(labels)
        columns, numbers = tokenized_reviews(tokenizer, each, labels)
        counts = np.ones(len(numbers)) if weights is None else weights
        fine_tune(model, columns, numbers, counts, tokenizer, config(**changes), seed, on_rows)
        return model

    return tune


def state(model):
    return {name: part.clone() for name, part in model.state_dict().items()}


def changed(model, before, part):
    return [
        name for name, value in state(model).items() if part in name and not torch.equal(value, before[name])
    ]


@pytest.mark.slow
def test_the_seed_and_the_weights_decide_and_nothing_else(run, classifier, capsys):
    told, before = [], state(classifier())
    first = run(on_rows=told.append)
    assert capsys.readouterr() == ("", "")
    assert told == [16] * 2 * 2  # 20 rows: two batches
    assert changed(first, before, "embeddings") == []
    assert changed(first, before, "encoder.encoder.layer")
    torch.manual_seed(12345)
    np.random.seed(12345)  # noqa: NPY002 - the Trainer must not depend on it
    assert changed(run(weights=np.full(20, 7.0)), state(first), "") == []  # only the proportions matter
    assert changed(run(weights=np.linspace(0.1, 1, 20)), state(first), "head")
    assert changed(run(seed=2), state(first), "head")


def test_the_run_starts_from_the_head_that_it_is_given(classifier, tokenizer):
    draw = np.random.default_rng(0)
    model = classifier()
    model.set_head(draw.normal(0, 1, (2, model.width)), [5.0, -5.0])
    before = copy.deepcopy(model)
    columns, labels = tokenized_reviews(tokenizer, 20)
    slow = config(epochs=1, learning_rate=1e-9)
    fine_tune(model, columns, labels, np.ones(len(labels)), tokenizer, slow, 1)
    np.testing.assert_allclose(model.head.weight.detach(), before.head.weight.detach(), atol=1e-6)
    np.testing.assert_allclose(model.head.bias.detach(), [5, -5], atol=1e-6)
