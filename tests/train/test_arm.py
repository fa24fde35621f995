import numpy as np
import pytest
import torch

from labelmint.encoder.classifier import export
from labelmint.encoder.data import Rows
from labelmint.students.arm import ArmTrainer, Choice, last_good_epoch, predict
from tests.train.helpers import LABELS, config, review_rows

CPU = torch.device("cpu")


@pytest.fixture
def arm(classifier, tokenizer, collator):
    """Return arm(...): a trainer of 20 reviews of each label."""

    def make(each=20, labels=2, on_rows=lambda _: None, rows=None, **changes):
        own = rows or review_rows(tokenizer, each, labels)
        return ArmTrainer(config(**changes), classifier(labels), own, collator, labels, on_rows)

    return make


def scripted(trainer, monkeypatch, heads, epochs):
    """Let each recipe's validation say the given scores, one split after the other."""
    scores, histories = iter(heads), iter(epochs)
    monkeypatch.setattr(trainer, "_validate_head", lambda *_: next(scores))
    monkeypatch.setattr(trainer, "_validate_fine_tune", lambda *_: next(histories))
    return trainer


def score(accuracy, log_loss=0.5):
    return {"accuracy": accuracy, "log_loss": log_loss}


def chosen(trainer, monkeypatch, head, epochs):
    """Return the choice if each of the five splits says the same."""
    return scripted(trainer, monkeypatch, [head] * 5, [epochs] * 5).choose()


@pytest.mark.parametrize(
    ("head", "epochs", "recipe"),
    [
        (0.7, [0.6, 0.8], "fine_tune"),
        (0.8, [0.6, 0.7], "linear_head"),
        (0.8, [0.6, 0.8], "linear_head"),  # a tie goes to the simpler one
        (0.8, [0.8, 0.5], "linear_head"),
    ],
)
def test_the_recipe_with_the_better_accuracy_is_chosen(arm, monkeypatch, head, epochs, recipe):
    history = [score(own, 0.1) for own in epochs]  # even if its log loss is better
    choice = chosen(arm(), monkeypatch, score(head, 0.9), history)
    assert choice.recipe == recipe
    assert choice.scores == {"linear_head": score(head, 0.9), "fine_tune": score(max(epochs), 0.1)}
    assert choice.validation_rows == 40


@pytest.mark.parametrize(
    ("history", "epochs"),
    [
        ([score(0.6), score(0.8), score(0.6)], 2),
        ([score(0.9), score(0.7), score(0.7)], 1),
        ([score(0.6), score(0.7), score(0.8)], 3),
        ([score(0.8), score(0.8), score(0.8)], 3),
        ([score(0.6), score(0.8), score(0.7)], 3),  # 0.126 is two standard errors of 0.8 on 40 rows
        ([score(0.8), score(0.7), score(0.6)], 2),
    ],
)
def test_the_last_epoch_within_two_standard_errors_of_the_best_is_chosen(arm, monkeypatch, history, epochs):
    assert chosen(arm(epochs=3), monkeypatch, score(0.5), history).epochs == epochs


@pytest.mark.parametrize(("rows", "epoch"), [(40, 2), (400, 2), (1000, 1), (10_000, 1)])
def test_more_validation_rows_leave_less_to_noise(rows, epoch):
    assert last_good_epoch([0.7, 0.8, 0.77], rows) == epoch


def test_scores_are_means_over_the_splits(arm, monkeypatch):
    heads = [score(0.1 * number, 0.2 * number) for number in range(5)]
    histories = [[score(0.5, 1.0), score(0.1 * number, 0.3)] for number in range(5)]
    choice = scripted(arm(), monkeypatch, heads, histories).choose()
    assert choice.scores == {"linear_head": score(0.2, 0.4), "fine_tune": score(0.5, 1.0)}
    assert (choice.recipe, choice.epochs) == ("fine_tune", 1)


def test_splits_of_different_length_are_compared_where_all_have_an_epoch(arm, monkeypatch):
    long, short = [score(0.5), score(0.6), score(1.0)], [score(0.5), score(0.6)]
    choice = scripted(arm(), monkeypatch, [score(0.1)] * 5, [long, *[short] * 4]).choose()
    assert (choice.epochs, choice.scores["fine_tune"]) == (2, score(0.6))


def test_no_more_epochs_are_chosen_than_the_whole_arm_runs(arm, monkeypatch):
    history = [score(0.5), score(0.6), score(0.9)]  # a smaller training part runs more epochs
    assert chosen(arm(epochs=2), monkeypatch, score(0.5), history).epochs == 2


@pytest.mark.parametrize("recipe", ["linear_head", "fine_tune"])
def test_a_recipe_that_is_set_is_validated_alone(arm, monkeypatch, recipe):
    choice = chosen(arm(recipe=recipe), monkeypatch, score(0.9), [score(0.9)])
    assert choice.recipe == recipe
    assert choice.scores == {recipe: score(0.9)}


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [("auto", "linear_head"), ("linear_head", "linear_head"), ("fine_tune", "fine_tune")],
)
def test_without_rows_to_validate_on_the_simpler_recipe_is_taken(arm, tokenizer, recipe, expected):
    rows = review_rows(tokenizer, 4).take([0, 1, 2, 4, 6])
    assert np.bincount(rows.labels).tolist() == [4, 1]
    choice = arm(rows=rows, recipe=recipe, epochs=3).choose()
    assert choice == Choice(expected, 3, 0, {})


def test_both_recipes_are_really_validated(arm):
    trainer = arm(each=30)
    choice = trainer.choose()
    assert choice.validation_rows == 60
    for own in choice.scores.values():
        assert set(own) == {"accuracy", "log_loss"}
        assert 0 <= own["accuracy"] <= 1
    assert trainer.trained_rows > 0
    assert trainer.train_seconds > 0


def probabilities(trainer, recipe, seed, test, collator):
    model = export(trainer.train(Choice(recipe, 1, 0, {}), seed), LABELS[: trainer.count])
    return predict(model, test, collator, 16, CPU)


@pytest.mark.parametrize("recipe", ["linear_head", "fine_tune"])
def test_the_same_seed_gives_the_same_predictions(arm, tokenizer, collator, recipe):
    test = review_rows(tokenizer, 20, first=500)
    first = probabilities(arm(), recipe, 1, test, collator)
    trainer = arm()
    other = probabilities(trainer, recipe, 2, test, collator)
    np.testing.assert_array_equal(probabilities(trainer, recipe, 1, test, collator), first)
    if recipe == "fine_tune":
        assert np.abs(other - first).max() > 1e-6


def test_training_leaves_the_base_and_the_rows_as_they_are(arm):
    trainer = arm()
    before = {name: part.clone() for name, part in trainer.base.state_dict().items()}
    requires = [part.requires_grad for part in trainer.base.parameters()]
    tokens, features = [list(row) for row in trainer.rows.tokens], trainer.features.copy()
    for recipe in ("linear_head", "fine_tune"):
        trainer.train(Choice(recipe, 1, 0, {}), 1)
    assert all(torch.equal(part, before[name]) for name, part in trainer.base.state_dict().items())
    assert [part.requires_grad for part in trainer.base.parameters()] == requires
    assert trainer.rows.tokens == tokens
    np.testing.assert_array_equal(trainer.features, features)


def test_the_linear_head_leaves_the_encoder_frozen_and_counts_no_rows(arm):
    trainer = arm()
    model = trainer.train(Choice("linear_head", 5, 0, {}), 1)
    base = dict(trainer.base.state_dict())
    different = [name for name, part in model.state_dict().items() if not torch.equal(part, base[name])]
    assert set(different) == {"head.weight", "head.bias"}
    assert trainer.trained_rows == 0


def test_rows_are_told_of_as_they_are_embedded_and_trained_on(arm):
    told = []
    trainer = arm(on_rows=told.append)
    assert told == [16, 16, 8]
    told.clear()
    trainer.train(Choice("fine_tune", 1, 0, {}), 1)
    assert sum(told) == trainer.trained_rows >= 40


def test_training_uses_the_epochs_of_the_choice(arm):
    told = []
    trainer = arm(on_rows=told.append, epochs=4)
    told.clear()
    trainer.train(Choice("fine_tune", 2, 0, {}), 1)
    assert len(told) == 2 * 3  # 40 rows: three batches


def test_both_recipes_learn_a_separable_task(arm, tokenizer, collator):
    trainer = arm(each=150, learning_rate=3e-3, freeze_embeddings=False, epochs=3)
    test = review_rows(tokenizer, 50, first=1000)
    for recipe in ("linear_head", "fine_tune"):
        model = export(trainer.train(Choice(recipe, 3, 0, {}), 1), LABELS[:2])
        predicted = predict(model, test, collator, 16, CPU).argmax(axis=1)
        assert (predicted == test.labels).mean() > 0.8, recipe


@pytest.mark.parametrize("batch_rows", [1, 7, 100])
def test_predictions_are_in_the_order_of_the_rows_and_sum_to_one(arm, tokenizer, collator, batch_rows):
    model = export(arm(labels=3).train(Choice("linear_head", 0, 0, {}), 1), LABELS)
    rows = review_rows(tokenizer, 5, labels=3, first=700)
    rows = Rows([row[: 3 + at % 4] for at, row in enumerate(rows.tokens)], None)
    found = predict(model, rows, collator, batch_rows, CPU)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    for tokens, own in zip(rows.tokens, found, strict=True):
        np.testing.assert_allclose(predict(model, Rows([tokens], None), collator, 1, CPU)[0], own, atol=1e-3)
