import numpy as np
import pytest
import torch

from labelmint.core.errors import DataError
from labelmint.core.records import input_of
from labelmint.encoder.loading import LoadedEncoder
from labelmint.students import encoder, fine_tune
from labelmint.students.encoder import last_good_epoch
from labelmint.students.loading import load_student
from labelmint.students.registry import open_student
from tests.builders import reviews
from tests.encoder.helpers import LABELS, config


@pytest.fixture
def student(classifier, tokenizer, collator, setting, monkeypatch):
    """Return student(name, ...): one on the tiny encoder, not yet fitted; other arguments are of `train`."""
    monkeypatch.setattr(fine_tune, "MIN_STEPS", 0)
    monkeypatch.setattr(
        encoder,
        "open_encoder",
        lambda _, labels: LoadedEncoder(tokenizer, collator, torch.device("cpu"), classifier(labels)),
    )

    def make(name="auto", labels=2, callbacks=None, **changes):
        return open_student(name, setting(labels, config(**changes), **(callbacks or {})))

    return make


def rows(each=20, labels=2, first=0):
    return reviews(dict.fromkeys(LABELS[:labels], each), first, words=4)


def scripted(student, monkeypatch, heads, histories):
    """Let each recipe's validation give these scores, one split after the other."""
    head, history = iter(heads), iter(histories)
    monkeypatch.setattr(student, "_validate_head", lambda *_: next(head))
    monkeypatch.setattr(student, "_validate_fine_tune", lambda *_: next(history))
    student.fit(rows(), 1)
    return student.choice


def score(accuracy, log_loss=0.5):
    return {"accuracy": accuracy, "log_loss": log_loss}


def chosen(student, monkeypatch, head, epochs):
    """Return the choice if each of the five splits gives the same scores."""
    return scripted(student, monkeypatch, [head] * 5, [epochs] * 5)


@pytest.mark.parametrize(
    ("head", "epochs", "recipe"),
    [
        (0.7, [0.6, 0.8], "fine_tune"),
        (0.8, [0.6, 0.7], "linear_head"),
        (0.8, [0.6, 0.8], "linear_head"),  # a tie goes to the simpler one
        (0.8, [0.8, 0.5], "linear_head"),
    ],
)
def test_the_recipe_with_the_better_accuracy_is_chosen(student, monkeypatch, head, epochs, recipe):
    history = [score(accuracy, 0.1) for accuracy in epochs]  # even if its log loss is better
    choice = chosen(student(), monkeypatch, score(head, 0.9), history)
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
def test_the_last_epoch_within_two_standard_errors_of_the_best_is_chosen(
    student, monkeypatch, history, epochs
):
    assert chosen(student(epochs=3), monkeypatch, score(0.5), history).epochs == epochs


@pytest.mark.parametrize(("validation_rows", "epoch"), [(40, 2), (400, 2), (1000, 1), (10_000, 1)])
def test_more_validation_rows_leave_less_to_noise(validation_rows, epoch):
    assert last_good_epoch([0.7, 0.8, 0.77], validation_rows) == epoch


def test_scores_are_means_over_the_splits(student, monkeypatch):
    heads = [score(0.1 * number, 0.2 * number) for number in range(5)]
    histories = [[score(0.5, 1.0), score(0.1 * number, 0.3)] for number in range(5)]
    choice = scripted(student(), monkeypatch, heads, histories)
    assert choice.scores == {"linear_head": score(0.2, 0.4), "fine_tune": score(0.5, 1.0)}
    assert (choice.recipe, choice.epochs) == ("fine_tune", 1)


def test_splits_of_different_length_are_compared_where_all_have_an_epoch(student, monkeypatch):
    long, short = [score(0.5), score(0.6), score(1.0)], [score(0.5), score(0.6)]
    choice = scripted(student(), monkeypatch, [score(0.1)] * 5, [long, *[short] * 4])
    assert (choice.epochs, choice.scores["fine_tune"]) == (2, score(0.6))


def test_no_more_epochs_are_chosen_than_all_rows_run(student, monkeypatch):
    history = [score(0.5), score(0.6), score(0.9)]  # a smaller training part runs more epochs
    assert chosen(student(epochs=2), monkeypatch, score(0.5), history).epochs == 2


@pytest.mark.parametrize(("name", "validated"), [("linear_head", set()), ("fine_tune", {"fine_tune"})])
def test_a_student_with_one_recipe_validates_no_other(student, name, validated):
    one = student(name, validation_share=0.5)
    one.fit(rows(), 1)
    assert (one.summary()["recipe"], set(one.summary()["validation"])) == (name, validated)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("auto", "linear_head"), ("linear_head", "linear_head"), ("fine_tune", "fine_tune")],
)
def test_without_rows_to_validate_on_the_simpler_recipe_is_taken(student, name, expected):
    few = [row for row in rows(4) if row["label"] == "negative"] + rows(1)[1:]
    one = student(name, epochs=3)
    one.fit(few, 1)
    summary = one.summary()
    assert (summary["recipe"], summary["validation_rows"], summary["validation"]) == (expected, 0, {})


def test_both_recipes_are_really_validated(student):
    one = student(validation_share=0.5, epochs=1)
    one.fit(rows(30), 1)
    summary = one.summary()
    assert summary["validation_rows"] == 60
    assert set(summary["validation"]) == {"linear_head", "fine_tune"}
    assert all(0 <= scores["accuracy"] <= 1 for scores in summary["validation"].values())
    assert summary["seconds"] > 0


@pytest.mark.parametrize("name", ["linear_head", "fine_tune"])
def test_the_seed_decides_and_not_what_was_trained_before(student, name):
    inputs = [input_of(row) for row in rows(first=500)]
    one = student(name, validation_share=0.5, epochs=1)
    one.fit(rows(), 1)
    first = one.predict_proba(inputs)
    one.fit(rows(), 2)
    second = one.predict_proba(inputs)
    one.fit(rows(first=40), 1)
    one.fit(rows(), 1)
    np.testing.assert_array_equal(one.predict_proba(inputs), first)
    if name == "fine_tune":
        assert np.abs(second - first).max() > 1e-6


def test_the_same_rows_are_embedded_and_validated_once(student, monkeypatch):
    embedded = []
    monkeypatch.setattr(
        encoder, "embed", lambda *args, embed=encoder.embed: embedded.append(1) or embed(*args)
    )
    one = student(validation_share=0.5)
    one.fit(rows(), 1)
    choice = one.choice
    one.fit(rows(), 2)
    assert (len(embedded), one.choice is choice) == (1, True)
    one.fit(rows(21), 2)
    assert len(embedded) == 2


@pytest.mark.parametrize("name", ["auto", "linear_head", "fine_tune"])
def test_the_planned_rows_are_those_that_come(student, name):
    planned, done = [], []
    one = student(
        name, validation_share=0.5, callbacks={"on_planned": planned.append, "on_rows": done.append}
    )
    for seed in (1, 2):
        one.fit(rows(), seed)
        one.predict_proba(rows(5))
    assert sum(planned) == sum(done) >= 50


def test_training_leaves_the_encoder_as_it_is(student):
    one = student("fine_tune", validation_share=0.5)
    before = {name: part.clone() for name, part in one.encoder.base.state_dict().items()}
    one.fit(rows(), 1)
    assert all(torch.equal(part, before[name]) for name, part in one.encoder.base.state_dict().items())


@pytest.mark.parametrize("name", ["linear_head", "fine_tune"])
def test_a_separable_task_is_learnt(student, name):
    one, test = student(name, learning_rate=3e-3, epochs=8, validation_share=0.5), rows(50, first=1000)
    one.fit(rows(150), 1)
    predicted = one.predict_proba(test).argmax(axis=1)
    assert np.mean([LABELS[place] == row["label"] for place, row in zip(predicted, test, strict=True)]) > 0.8


@pytest.mark.parametrize("few", [[], rows(3)[::2]])
def test_rows_of_fewer_than_two_labels_are_an_error(student, few):
    with pytest.raises(DataError, match="rows of fewer than two labels; nothing to learn"):
        student().fit(few, 1)


def test_a_label_without_rows_is_never_predicted(student):
    one = student("linear_head", labels=3)
    one.fit(rows(), 1)
    assert one.predict_proba(rows(5))[:, 2].max() < 1e-3


def test_a_saved_student_predicts_the_same(student, tmp_path):
    one = student("fine_tune", validation_share=0.5)
    one.fit(rows(), 1)
    one.save(tmp_path / "arm")
    loaded = load_student(tmp_path / "arm")
    assert list(loaded.label_names) == LABELS[:2]
    np.testing.assert_allclose(loaded.predict_proba(rows(9)), one.predict_proba(rows(9)), atol=1e-6)


def test_saving_takes_the_place_of_an_older_model_and_of_leftovers(student, tmp_path):
    for leftover in ("arm", ".arm.tmp"):
        (tmp_path / leftover).mkdir()
        (tmp_path / leftover / "old.bin").write_bytes(b"old")
    one = student("linear_head")
    one.fit(rows(), 1)
    one.save(tmp_path / "arm")
    assert [path.name for path in tmp_path.iterdir()] == ["arm"]
    assert not (tmp_path / "arm/old.bin").exists()


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failed_save_leaves_the_older_model_and_nothing_half_written(
    student, tokenizer, tmp_path, monkeypatch, error
):
    def fail(*_, **__):
        raise error

    (tmp_path / "arm").mkdir()
    (tmp_path / "arm/old.bin").write_bytes(b"old")
    one = student("linear_head")
    one.fit(rows(), 1)
    monkeypatch.setattr(type(tokenizer), "save_pretrained", fail)
    with pytest.raises(type(error)):
        one.save(tmp_path / "arm")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["arm", "arm/old.bin"]
