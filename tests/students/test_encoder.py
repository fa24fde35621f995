from collections import Counter

import numpy as np
import pytest
import torch

from labelmint.core.folds import FOLDS
from labelmint.core.records import ArmRow, input_of
from labelmint.encoder.loading import LoadedEncoder
from labelmint.students.loading import load_student
from tests.builders import reviews, with_folds
from tests.encoder.helpers import LABELS


def rows(each=10, first=0):
    return reviews(dict.fromkeys(LABELS[:2], each), first, words=4)


def arm(source, each, first, **more):
    return with_folds([ArmRow(**row, source=source, **more) for row in rows(each, first=first)])


@pytest.fixture
def embedded(monkeypatch):
    """Return how often each text was embedded, and not taken from the cache."""
    counts = Counter()
    embed = LoadedEncoder.embed

    def count(self, config, own, on_rows=lambda _: None):
        counts.update(row["text"] for row in own)
        return embed(self, config, own, on_rows)

    monkeypatch.setattr(LoadedEncoder, "embed", count)
    return counts


@pytest.mark.parametrize(
    ("name", "each", "seeds"),
    [("linear_head", 10, (1, 2)), ("fine_tune", 10, (1,)), ("fine_tune", 20, (1, 2))],
)
def test_the_planned_rows_are_those_that_come(student, name, each, seeds):
    planned, done = [], []
    one = student(name, epochs=1, callbacks={"on_planned": planned.append, "on_rows": done.append})
    train = [dict(row, weight=float(at > 5)) for at, row in enumerate(rows(each))]
    for seed in seeds:
        one.fit(train, seed)
        one.predict_proba(rows(5, first=90))
    assert sum(planned) == sum(done) >= 20


def test_arms_that_share_rows_embed_them_once(student, embedded, monkeypatch):
    """Real and synthetic rows are embedded by themselves, and a larger arm begins with the smaller one's."""
    monkeypatch.setattr("labelmint.encoder.vectors.CHUNK_ROWS", 40)
    test = [input_of(row) for row in rows(20, first=900)]
    real, synthetic, more = arm("real", 20, 0), arm("synthetic", 20, 100), arm("real", 10, 200)
    for seed, train in enumerate((real, synthetic, [*real, *synthetic], [*real, *more, *synthetic])):
        one = student()
        one.fit(train, seed)
        one.predict_proba(test)
    assert len(embedded) == 40 + 40 + 20 + 40
    assert set(embedded.values()) == {1}


def test_rows_count_as_they_weigh(student):
    """Rows of the wrong label do little harm if they weigh little."""
    wrong = [{**row, "label": LABELS[row["label"] == LABELS[0]]} for row in arm("synthetic", 60, 300)]
    test, right = rows(30, first=900), []
    for weight in (0.01, 1.0):
        one = student()
        one.fit([*arm("real", 40, 0), *({**row, "weight": weight} for row in wrong)], 1)
        predicted = one.predict_proba(test).argmax(axis=1)
        right.append(np.mean([LABELS[at] == row["label"] for at, row in zip(predicted, test, strict=True)]))
    assert right[0] > right[1] + 0.1


@pytest.mark.parametrize("name", ["linear_head", "tfidf", "fine_tune"])
def test_unclear_rows_change_how_sure_a_student_is_and_not_what_a_head_says(student, name):
    """These are told the wrong label while any fold is held out."""
    unclear = [
        {**row, "label": "", "fold_labels": [LABELS[row["label"] == LABELS[0]]] * FOLDS}
        for row in arm("synthetic", 60, 300)
    ]
    train = [*arm("real", 40, 0), *arm("synthetic", 20, 100)]
    inputs, students, answers = [input_of(row) for row in rows(30, first=900)], [], []
    for more in ([], unclear):
        one = student(name, epochs=1)
        one.fit(train, 1, more)
        students.append(one)
        answers.append(one.predict_proba(inputs))
    plain, careful = answers
    if name == "fine_tune":  # it starts from a head that is less sure, too
        assert students[1].temperature > students[0].temperature
        assert np.abs(students[1].head[0]).mean() < np.abs(students[0].head[0]).mean()
    else:
        assert (plain.argmax(axis=1) == careful.argmax(axis=1)).all()
    assert careful.max(axis=1).mean() < plain.max(axis=1).mean() - 0.02


def test_training_says_how_it_went_and_leaves_the_encoder_as_it_is(student):
    one = student("fine_tune", epochs=2)
    before = {name: part.clone() for name, part in one.encoder.base.state_dict().items()}
    one.fit(rows(), 1)
    assert all(torch.equal(part, before[name]) for name, part in one.encoder.base.state_dict().items())
    summary = one.summary()
    assert (summary["epochs"], summary["device"], summary["precision"]) == (2, "cpu", "fp32")
    assert summary["seconds"] >= 0 < summary["rows_per_s"]
    assert student().summary() == {"precision": "fp32"}


@pytest.mark.parametrize("name", ["linear_head", "fine_tune"])
def test_a_saved_student_predicts_the_same_and_uses_no_cache(student, tmp_path, monkeypatch, name):
    one = student(name, epochs=1)
    one.fit(rows(), 1)
    expected = one.predict_proba(rows(9))
    one.save(tmp_path / "arm")
    monkeypatch.setenv("LABELMINT_CACHE", str(tmp_path / "other"))
    loaded = load_student(tmp_path / "arm")
    assert list(loaded.label_names) == LABELS[:2]
    np.testing.assert_allclose(loaded.predict_proba(rows(9)), expected, atol=1e-4)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("name", ["linear_head", pytest.param("fine_tune", marks=pytest.mark.slow)])
def test_the_seed_decides_and_not_what_was_trained_before(student, name):
    inputs = [input_of(row) for row in rows(first=500)]
    one, probabilities = student(name, epochs=1), []
    for train, seed in ((rows(), 1), (rows(), 2), (rows(first=40), 1), (rows(), 1)):
        one.fit(train, seed)
        probabilities.append(one.predict_proba(inputs))
    np.testing.assert_array_equal(probabilities[3], probabilities[0])
    if name == "fine_tune":
        assert np.abs(probabilities[1] - probabilities[0]).max() > 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("made", [0, 120])
def test_a_fine_tuned_encoder_is_no_surer_than_it_is_right(student, made):
    """A third of the labels is wrong, which the encoder learns by heart."""
    noise = np.random.default_rng(5)

    def noisy(rows_of_source):
        wrong = noise.random(len(rows_of_source)) < 1 / 3
        flipped = [{**row, "label": LABELS[row["label"] == LABELS[0]]} for row in rows_of_source]
        return [
            one[at]
            for at, one in zip(wrong.astype(int), zip(rows_of_source, flipped, strict=True), strict=True)
        ]

    train = [*noisy(arm("real", 100, 0)), *noisy(arm("synthetic", made // 2, 500))]
    test = noisy(rows(200, first=2000))
    surplus = {}
    for calibrates in (True, False):
        one = student("fine_tune", epochs=25, learning_rate=8e-3, batch_rows=32)
        one.calibrates = calibrates
        one.fit(train, 1)
        probabilities = one.predict_proba(test)
        right = [
            LABELS[place] == row["label"]
            for place, row in zip(probabilities.argmax(axis=1), test, strict=True)
        ]
        surplus[calibrates] = probabilities.max(axis=1).mean() - np.mean(right)
    assert surplus[False] > 0.15
    assert abs(surplus[True]) < 0.08
