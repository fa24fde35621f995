from typing import ClassVar

import numpy as np
import pytest

from labelmint.core.records import ArmRow, Input
from labelmint.students import registry
from labelmint.students.auto import measure
from labelmint.students.base import Student
from labelmint.students.loading import load_student
from tests.builders import labelled_rows, reviews, with_folds
from tests.encoder.helpers import LABELS, config


class Scripted(Student):
    """Predict right on a share of the rows, whose label stands in the text; note what it was fitted on."""

    made: ClassVar[list["Scripted"]] = []

    def __init__(self, setting):
        self.label_names, self.fitted, self.prepared, self.closed = setting.card.label_names, [], [], False
        Scripted.made.append(self)

    def prepare(self, rows):
        self.prepared.append(len(rows))

    def fit(self, rows, seed, unclear=()):
        self.fitted.append(([row["text"] for row in rows], seed))
        self.unclear = list(unclear)

    def predict_proba(self, inputs):
        right = [self.label_names.index(row["text"].split()[0]) for row in inputs]
        said = [place if self.is_right(at, place) else 1 - place for at, place in enumerate(right)]
        return np.eye(len(self.label_names))[said] * 0.8 + 0.1

    def save(self, folder):
        folder.mkdir()
        (folder / "who").write_text(type(self).__name__)

    @classmethod
    def load(cls, folder, setting):
        return cls(setting)

    def close(self):
        self.closed = True


class Good(Scripted):
    name = "good"
    is_right = staticmethod(lambda at, place: at % 4 > 0)


class Bad(Scripted):
    name = "bad"
    is_right = staticmethod(lambda at, place: at % 2 > 0)


class Common(Scripted):
    """Right on the commonest label alone: a good accuracy where labels are unbalanced."""

    name = "common"
    is_right = staticmethod(lambda at, place: place == 0)


@pytest.fixture
def auto(setting, monkeypatch):
    """Return auto(names): the student `auto` with these to choose from."""
    monkeypatch.setattr(Scripted, "made", [])
    for kind in (Good, Bad, Common):
        monkeypatch.setitem(registry.STUDENTS, kind.name, f"{__name__}:{kind.__name__}")
    classes = {kind.name: kind for kind in (Good, Bad, Common)}
    known = registry.student_class
    monkeypatch.setattr(registry, "student_class", lambda name: classes.get(name) or known(name))

    def make(*names, metric="auto"):
        given = setting(2, config(students=list(names), seeds=[5, 6]))
        evaluate = given.params.evaluate.model_copy(update={"metric": metric})
        params = given.params.model_copy(update={"evaluate": evaluate})
        return registry.open_student("auto", type(given)(params, given.card))

    return make


def rows(counts, source=None):
    made = [{**row, "text": f"{row['label']} {row['id']}"} for row in labelled_rows(counts)]
    return made if source is None else [ArmRow(**row, source=source) for row in made]


BALANCED = dict.fromkeys(LABELS[:2], 60)


@pytest.mark.parametrize("names", [("bad", "good"), ("good", "bad")])
def test_the_student_with_the_better_accuracy_is_trained_on_all_rows(auto, names):
    one, train = auto(*names), rows(BALANCED)
    one.fit(train, 6)
    summary = one.summary()
    assert (summary["chosen"], summary["validation_rows"]) == ("good", 120)
    assert summary["validation"]["good"]["accuracy"] == pytest.approx(0.75, abs=0.05)
    assert summary["validation"]["bad"]["accuracy"] == 0.5
    best = next(student for student in Scripted.made if student.name == "good")
    assert best.fitted[-1] == ([row["text"] for row in train], 6)
    assert {seed for _, seed in best.fitted[:-1]} == {5}
    assert {len(texts) for texts, _ in best.fitted[:-1]} == {96}  # without a fifth, which judges it
    assert one.predict_proba(train).shape == (120, 2)


def test_unclear_rows_are_learnt_from_while_a_student_is_chosen_and_another_choice_is_made_without_them(auto):
    one, train = auto("bad", "good"), with_folds(rows(BALANCED, "real"))
    folds = [LABELS[0], "", "", "", ""]
    unclear = [ArmRow(id="u", text="unclear", label="", source="unlabelled", fold_labels=folds)]
    train += rows({LABELS[0]: 9}, "synthetic")
    one.fit(train, 5, unclear)
    best = next(student for student in Scripted.made if student.name == "good")
    assert best.unclear == unclear  # to be calibrated by
    assert ["unclear" in texts for texts, _ in best.fitted] == [True, False, False, False, False, False]
    one.fit(train, 5)
    assert len(best.fitted) == 12  # five splits and all rows, twice
    assert not any("unclear" in texts for texts, _ in best.fitted[6:])


def test_the_first_of_equals_is_chosen(auto):
    one = auto("bad", "common")
    one.fit(rows(BALANCED), 5)
    assert one.summary()["chosen"] == "bad"


@pytest.mark.parametrize(
    ("metric", "chosen"), [("auto", "good"), ("macro_f1", "good"), ("accuracy", "common")]
)
def test_unbalanced_labels_are_judged_by_macro_f1(auto, metric, chosen):
    one = auto("common", "good", metric=metric)
    one.fit(rows({"negative": 160, "positive": 40}), 5)
    assert one.summary()["chosen"] == chosen


def test_the_score_to_judge_by_goes_by_the_real_rows_labels(auto):
    one = auto("common", "good")
    made = rows({"negative": 10, "positive": 40}, "synthetic")  # with the real rows, as many of each label
    one.fit(with_folds([*rows({"negative": 40, "positive": 10}, "real"), *made]), 5)
    assert one.summary()["chosen"] == "good"


def test_one_student_alone_is_not_validated(auto):
    one = auto("bad")
    one.fit(rows(BALANCED), 5)
    assert one.summary() == {"chosen": "bad", "validation_rows": 0, "validation": {}}
    assert len(Scripted.made[0].fitted) == 1


def test_real_rows_of_one_label_choose_nothing(auto):
    one = auto("bad", "good")
    one.fit([*rows({"negative": 30}, "real"), *rows(BALANCED, "synthetic")], 5)
    assert one.summary() == {"chosen": "bad", "validation_rows": 0, "validation": {}}


def test_another_seed_of_the_same_rows_is_not_validated_again(auto):
    one, train = auto("bad", "good"), rows(BALANCED)
    one.fit(train, 5)
    fits = [len(student.fitted) for student in Scripted.made]
    one.fit(train, 6)
    assert [len(student.fitted) for student in Scripted.made] == [fits[0], fits[1] + 1]
    assert [student.prepared for student in Scripted.made] == [[120], [120]]
    one.fit(train[:100], 6)
    assert len(Scripted.made[0].fitted) > fits[0]


def test_real_rows_alone_are_validated_on_where_there_are_any(auto):
    real, made = rows(dict.fromkeys(LABELS[:2], 30), "real"), rows(BALANCED, "synthetic")
    train = with_folds([*made, *real])
    one = auto("bad", "good")
    one.fit(train, 5)
    assert one.summary()["validation_rows"] == 60
    one.fit(made, 5)
    assert one.summary()["validation_rows"] == 120  # without real rows, the others


def test_too_few_rows_to_validate_leave_the_first(auto):
    one = auto("bad", "good")
    one.fit(rows({"negative": 9, "positive": 1}), 5)
    assert (one.summary()["chosen"], one.summary()["validation_rows"]) == ("bad", 0)


def test_all_students_are_closed(auto, monkeypatch):
    auto("bad", "good").close()
    assert [student.closed for student in Scripted.made] == [True, True]
    monkeypatch.setattr(Scripted, "made", [])

    def fail(self, setting):
        raise MemoryError

    monkeypatch.setattr(Bad, "__init__", fail)
    with pytest.raises(MemoryError):
        auto("good", "bad")
    assert [student.closed for student in Scripted.made] == [True]


def test_scores_are_those_of_the_definitions():
    probabilities = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.2, 0.8, 0], [0.7, 0.3, 0]])
    scores = measure(probabilities, np.array([0, 0, 1, 1]))
    assert scores["accuracy"] == 0.75
    assert scores["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2, abs=1e-4)
    assert scores["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.8, 0.3]).mean(), abs=1e-4)


def test_a_label_that_no_row_has_counts_nothing_in_macro_f1():
    probabilities = np.eye(3)[[0, 1, 2, 1]]
    assert measure(probabilities, np.array([0, 1, 1, 1]))["macro_f1"] == pytest.approx((1 + 0.8) / 2)


def test_real_students_are_chosen_among_saved_and_opened_again(student, tmp_path):
    one = student("auto", students=["tfidf", "linear_head"])
    train = reviews(dict.fromkeys(LABELS[:2], 15), words=4)
    one.fit(train, 1)
    summary = one.summary()
    assert set(summary["validation"]) == {"tfidf", "linear_head"}
    best = max(summary["validation"], key=lambda name: summary["validation"][name]["accuracy"])
    assert summary["chosen"] == best
    inputs = [Input(id="", text=row["text"]) for row in train]
    expected = one.predict_proba(inputs)
    one.save(tmp_path / "arm")
    np.testing.assert_allclose(load_student(tmp_path / "arm").predict_proba(inputs), expected, atol=1e-4)
