import numpy as np
import pytest

from labelmint.core.errors import ModelError
from labelmint.core.records import write_json
from labelmint.labelling.choices import draw_demonstrations
from labelmint.scoring.scores import calibration_error
from labelmint.students.llm import LlmStudent
from labelmint.students.loading import load_student
from labelmint.students.saving import read_student
from tests.builders import labelled
from tests.fake_model import FakeModel, read_words
from tests.students.moods import MOODS, NAMES, rows


class Watched(FakeModel):
    """Remembers the prompt and the number of texts of each call."""

    def __init__(self, **scripts):
        super().__init__(**scripts)
        self.calls = []

    def score(self, prefix, suffixes, choices):
        self.calls.append((prefix, len(suffixes)))
        return super().score(prefix, suffixes, choices)


class Other(FakeModel):
    """Another model."""

    identity = property(lambda _: {"model": "other"})


@pytest.fixture
def student(asking):
    """Return student(model): one that asks this model."""
    return lambda model=None, **callbacks: asking(LlmStudent, model or FakeModel(), **callbacks)


@pytest.mark.parametrize("negative", [5, 15, 35])
def test_a_model_that_prefers_a_label_is_right_after_matching_whatever_the_shares(student, negative):
    """It prefers "positive" for everything, though less so for what is awful."""
    model = FakeModel(reader=lambda text, choice: read_words(text, choice) + 3 * ("positive" in choice))
    labels = ["negative"] * negative + ["positive"] * (40 - negative)
    one = student(model)
    one.fit(rows(labels), 1)
    probabilities = one.predict_proba(rows(labels, 100))
    assert [NAMES[at] for at in probabilities.argmax(axis=1)] == labels
    assert one.summary()["offsets"]["positive"] > one.summary()["offsets"]["negative"]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def often_wrong(labels, first=0):
    """Return rows of which every fifth says the mood of the other label."""
    return [
        labelled(label, at, f"row {at} is {MOODS[label if at % 5 else NAMES[label == NAMES[0]]]}")
        for at, label in enumerate(labels, first)
    ]


def boast(text, choice):
    """Read the mood as if there were no doubt."""
    return 4 * read_words(text, choice)


def test_a_model_that_is_too_sure_is_made_as_sure_as_it_is_right(student):
    one, inputs = student(FakeModel(reader=boast)), often_wrong(NAMES * 100, 1000)
    one.fit(often_wrong(NAMES * 50), 1)
    probabilities, truth = one.predict_proba(inputs), np.array([NAMES.index(row["label"]) for row in inputs])
    assert one.summary()["temperature"] > 2
    one.temperature = 1.0
    one.hidden = None  # keeps the temperature of 1
    boasted = one.predict_proba(inputs)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), boasted.argmax(axis=1))
    assert calibration_error(boasted[None], truth) > 0.15
    assert calibration_error(probabilities[None], truth) < 0.1


def test_what_a_model_prefers_is_taken_out_before_its_temperature_is_fitted(student):
    temperatures = []
    for kind, preferred in ((FakeModel, 0), (Other, 3)):

        def read(text, choice, preferred=preferred):
            return 1.5 * read_words(text, choice) + preferred * ("positive" in choice)

        one = student(kind(reader=read))
        one.fit(often_wrong(NAMES * 50), 1)
        temperatures.append(one.summary()["temperature"])
    assert temperatures[0] == pytest.approx(temperatures[1], rel=0.05)


def test_labels_that_a_model_gave_do_not_tell_how_often_it_is_right(student):
    real = often_wrong(NAMES * 50)
    made = [{**row, "source": "synthetic"} for row in rows(NAMES * 200, 500)]
    temperatures = []
    for train in (real, [{**row, "source": "real"} for row in real] + made):
        one = student(FakeModel(reader=boast))
        one.fit(train, 1)
        temperatures.append(one.summary()["temperature"])
    # Other rows are shown, so other ones are left to fit it on.
    assert temperatures[0] == pytest.approx(temperatures[1], rel=0.3)


@pytest.mark.parametrize("count", [10, 22])
def test_too_few_rows_beside_the_shown_ones_leave_the_temperature_at_1(student, count):
    one = student(FakeModel(reader=boast))
    one.fit(often_wrong(NAMES * count), 1)
    assert one.summary()["temperature"] == 1.0


def test_a_handful_of_inputs_is_not_forced_into_the_shares(student):
    one = student()
    one.fit(rows(NAMES * 30), 1)
    assert one.predict_proba(rows(["negative"] * 3, 100)).argmax(axis=1).tolist() == [0, 0, 0]
    assert one.predict_proba([]).shape == (0, 2)


def test_each_seed_shows_other_rows_and_the_labellings_seed_the_same_as_the_filter(student, setting):
    model, planned, done = Watched(), [], []
    one, train = student(model, on_planned=planned.append, on_rows=done.append), rows(NAMES * 20)
    for seed in (1, 2):
        one.fit(train, seed)
        one.predict_proba(rows(NAMES * 10, 100))
    assert [count for _, count in model.calls] == [24, 20, 24, 20]
    assert sum(planned) == sum(done) == 88
    assert len({prefix for prefix, _ in model.calls}) == 2
    shown = draw_demonstrations(1, 16, setting().card, train)
    assert [model.calls[0][0].count(f"{row['text']}\n") for row in shown] == [1] * 16
    assert one.summary()["demonstrations"] == 16


def test_a_saved_student_predicts_the_same_text_by_text(student, setting, tmp_path):
    one, inputs = student(FakeModel(reader=boast)), rows(NAMES * 5, 100)
    one.fit(often_wrong(NAMES * 40), 1)
    probabilities = one.predict_proba(inputs)
    assert one.summary()["temperature"] > 1
    one.save(tmp_path / "arm")
    loaded = load_student(tmp_path / "arm", setting())
    assert list(loaded.label_names) == NAMES
    for row, values in zip(inputs, probabilities, strict=True):
        np.testing.assert_allclose(loaded.predict_proba([row])[0], values)
    assert loaded.summary()["temperature"] == one.summary()["temperature"]


def test_a_saved_student_needs_its_model_and_its_task_card(student, setting, tmp_path):
    one = student()
    one.fit(rows(NAMES * 20), 1)
    one.save(tmp_path / "arm")
    with pytest.raises(ModelError, match="needs its language model"):
        load_student(tmp_path / "arm")
    with pytest.raises(ModelError, match="another task card"):
        load_student(tmp_path / "arm", setting(3))
    student(Other())
    with pytest.raises(ModelError, match="made with the language model gemma"):
        load_student(tmp_path / "arm", setting())


def test_a_damaged_student_is_an_error_and_its_model_is_closed(student, setting, tmp_path, monkeypatch):
    one, closed = student(), []
    one.fit(rows(NAMES * 20), 1)
    one.save(tmp_path / "arm")
    content = read_student(tmp_path / "arm")
    del content["offsets"]
    write_json(tmp_path / "arm/student.json", content)
    monkeypatch.setattr(LlmStudent, "close", lambda self: closed.append(self))
    with pytest.raises(ModelError, match="arm: damaged: 'offsets'; train it again"):
        load_student(tmp_path / "arm", setting())
    assert len(closed) == 1


def test_a_text_that_does_not_fit_is_an_error_that_tells_how_to_do_without(student):
    def fail(text, choice):
        raise ModelError("a text does not fit")

    with pytest.raises(ModelError, match=r"a text does not fit; or remove arms with student: llm"):
        student(FakeModel(reader=fail)).fit(rows(NAMES * 9), 1)


def test_a_model_that_cannot_score_is_an_error(student):
    with pytest.raises(ModelError, match=r"can't score labels; .*; or remove arms with student: llm"):
        student(FakeModel(can_score=False)).fit(rows(NAMES * 9), 1)


class Short(FakeModel):
    """A model that reads 30 characters at once."""

    def fits(self, prefix, suffix, choices):
        return len(suffix) <= 30

    def score(self, prefix, suffixes, choices):
        assert max(map(len, suffixes)) == 30
        return super().score(prefix, suffixes, choices)


def test_a_text_that_the_model_cannot_read_at_once_is_cut(student):
    one = student(Short())
    one.prompt = ""
    long = {"id": "1", "text": "an awful film " * 1000}
    assert one.predict_proba([long]).argmax(axis=1) == [NAMES.index("negative")]
