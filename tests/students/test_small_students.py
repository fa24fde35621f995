"""The students without an encoder or a language model."""

import numpy as np
import pytest

from labelmint.core.errors import DataError, ModelError
from labelmint.core.records import input_of
from labelmint.students.loading import load_student
from labelmint.students.registry import open_student
from labelmint.students.saving import write_note
from tests.builders import labelled, labelled_rows, reviews
from tests.encoder.helpers import LABELS

TRAIN = reviews(dict.fromkeys(LABELS[:2], 60))
TEST = [input_of(row) for row in reviews(dict.fromkeys(LABELS[:2], 40), 1000)]


@pytest.fixture
def fitted(setting):
    """Return fitted(name, rows): a student of these rows."""

    def make(name, rows=TRAIN):
        student = open_student(name, setting())
        student.fit(rows, 1)
        return student

    return make


def test_tfidf_learns_words(fitted):
    predicted = fitted("tfidf").predict_proba(TEST).argmax(axis=1)
    assert np.mean(predicted == np.arange(len(TEST)) % 2) > 0.9


def test_tfidf_knows_words_without_spaces_around_them(fitted):
    opinions = {"positive": ["好用", "轻便"], "negative": ["坏了", "生锈"]}
    texts = {
        label: [
            f"{tool}{opinion}{end}"
            for tool in ("铲子", "软管", "水壶", "锄头")
            for opinion in own
            for end in "。！"
        ]
        for label, own in opinions.items()
    }
    rows = [labelled(label, at, text) for label in texts for at, text in enumerate(texts[label])]
    new = [labelled("positive", 0, "剪刀也好用，很轻便"), labelled("negative", 1, "剪刀也坏了，都生锈")]
    assert fitted("tfidf", rows).predict_proba(new).argmax(axis=1).tolist() == [1, 0]


def test_texts_without_words_are_no_trouble(fitted):
    marks = {"positive": "!", "negative": "?"}
    rows = [labelled(label, at, marks[label]) for at, label in enumerate(["positive", "negative"] * 6)]
    student = fitted("tfidf", rows)
    assert student.predict_proba(rows[:2]).argmax(axis=1).tolist() == [1, 0]
    assert np.isfinite(student.predict_proba([labelled("negative", 0, "unseen")])).all()


def test_majority_gives_the_class_balance(fitted):
    student = fitted("majority", labelled_rows({"negative": 3, "positive": 1}))
    assert student.predict_proba(TEST).tolist() == [[0.75, 0.25]] * len(TEST)


@pytest.mark.parametrize(("name", "rows"), [("tfidf", TRAIN[::2]), ("tfidf", []), ("majority", [])])
def test_rows_that_teach_nothing_are_an_error(fitted, name, rows):
    with pytest.raises(DataError, match="nothing to learn"):
        fitted(name, rows)


def test_a_folder_without_a_student_is_an_error_with_the_reason(tmp_path):
    with pytest.raises(ModelError, match=r"arm: no classifier: it has no student\.json or config\.json"):
        load_student(tmp_path / "arm")
    write_note(tmp_path / "arm", "the data can't fill this arm")
    with pytest.raises(ModelError, match=r"arm: the data can't fill this arm$"):
        load_student(tmp_path / "arm")


@pytest.mark.parametrize(
    ("content", "message"), [("{", "damaged"), ("[]", "damaged"), ('{"student": "x"}', "'x'")]
)
def test_a_damaged_student_is_an_error(tmp_path, content, message):
    (tmp_path / "student.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=rf"student\.json: .*{message}"):
        load_student(tmp_path)


@pytest.mark.parametrize(
    ("name", "file", "content"),
    [
        ("majority", "student.json", b'{"student": "majority", "label_names": ["a", "b"]}'),
        ("tfidf", "student.json", b'{"student": "tfidf", "label_names": ["a", "b"]}'),
        ("tfidf", "weights.npz", b""),
        ("tfidf", "weights.npz", b"PK\x03\x04 cut"),
        ("tfidf", "weights.npz", None),
    ],
)
def test_a_student_whose_files_are_damaged_is_an_error(fitted, tmp_path, name, file, content):
    folder = tmp_path / "arm"
    fitted(name).save(folder)
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(ModelError, match=r"arm: damaged: .*; train it again$"):
        load_student(folder)
