"""A student and the language model behind it: which texts are passed on, and what predict writes."""

import csv
import io
import json
import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from labelmint.cli import main
from labelmint.core import paths
from labelmint.core.errors import ModelError
from labelmint.core.params import load_params
from labelmint.predict.fallback import WithFallback
from labelmint.students import llm
from labelmint.students.base import Setting
from labelmint.students.llm import LlmStudent
from labelmint.students.llm_probe import LlmProbe
from labelmint.students.loading import load_student
from labelmint.students.saving import write_note
from labelmint.tasks.cards import load_card
from tests.builders import REPOSITORY, labelled
from tests.fake_model import FakeModel

NAMES = ["negative", "positive"]


class Fixed:
    """A student that gives each text the probability that it says."""

    def __init__(self, names=NAMES, positive=None):
        self.label_names, self.positive, self.asked = names, positive, []

    def predict_proba(self, inputs):
        self.asked.append([row["text"] for row in inputs])
        positive = np.array([self.positive or float(row["text"]) for row in inputs])
        return np.stack([1 - positive, positive], axis=1)

    def close(self):
        pass


def rows(*texts):
    return [{"id": str(at), "text": text} for at, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("budget", "confidence", "asked"),
    [
        (0.5, np.inf, ["0.45", "0.6"]),
        (0.0, np.inf, []),
        (0.1, np.inf, []),  # less than one text
        (0.24, np.inf, []),
        (0.49, np.inf, ["0.45"]),
        (1.0, 0.96, ["0.05", "0.45", "0.6"]),
        (0.5, 0.96, ["0.45", "0.6"]),
        (1.0, 0.6, ["0.45"]),
        (1.0, 0.5, []),
    ],
)
def test_the_least_sure_texts_are_passed_on_as_far_as_the_budget_goes(budget, confidence, asked):
    texts, fallback = ["0.05", "0.45", "0.6", "0.99"], Fixed(positive=0.9)
    both = WithFallback(Fixed(), fallback, budget, confidence)
    probabilities = both.predict_proba(rows(*texts))
    assert fallback.asked == ([asked] if asked else [])
    assert both.passed_on.tolist() == [text in asked for text in texts]
    np.testing.assert_allclose(probabilities[:, 1], [0.9 if text in asked else float(text) for text in texts])


def test_labels_in_another_order_are_put_in_order_and_other_labels_refused():
    shares = {"a": 0.6, "b": 0.3, "c": 0.1}
    one, other = Fixed(["a", "b", "c"]), Fixed(["b", "c", "a"])
    for student in (one, other):
        answer = np.array([[shares[name] for name in student.label_names]])
        student.predict_proba = lambda inputs, answer=answer: answer
    np.testing.assert_allclose(WithFallback(one, other, 1.0).predict_proba(rows("x")), [[0.6, 0.3, 0.1]])
    with pytest.raises(ModelError, match="train both on the same task"):
        WithFallback(Fixed(), Fixed(["a", "b"]), 1.0, np.inf)


TEXTS = ["one great film", "an awful story", "", "so great", "awful", "a great cast", "dull and awful"]


def hesitant(text, choice):
    """Read "awful" and "great" with little doubt, and with more in longer texts."""
    right = ("awful" in text) == ("negative" in choice)
    return (1 if right else -1) * 3 / len(text.split())


def open_model(_):
    return nullcontext(FakeModel(reader=hesitant))


@pytest.fixture(scope="module")
def students(tmp_path_factory):
    """Return a folder with the students of the language model, fitted on 60 rows."""
    folder = tmp_path_factory.mktemp("students")
    words = {"negative": "awful", "positive": "great"}
    train = [labelled(name, 2 * at, f"{words[name]} {at}") for at in range(30) for name in NAMES]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(REPOSITORY)
        patch.setenv("LABELMINT_CACHE", str(folder / "cache"))
        patch.setattr(llm, "open_model", open_model)
        for kind in (LlmStudent, LlmProbe):
            student = kind(setting())
            student.fit(train, 1)
            student.save(folder / kind.name)
    return folder


@pytest.fixture
def answered(project, mixed, students, monkeypatch, capsys):
    """Return answered(options, ...): what predict writes with the arms mixed, llm and llm_probe."""
    monkeypatch.setattr(llm, "open_model", open_model)
    for name in ("llm", "llm_probe"):
        shutil.copytree(students / name, paths.model(name))
    texts = project / "texts.txt"
    texts.write_text("".join(f"{text}\n" for text in TEXTS))

    def run(*options, read=lambda output: [json.loads(line) for line in output.splitlines()]):
        capsys.readouterr()
        main(["predict", "--input", str(texts), *options])
        output = capsys.readouterr()
        return read(output.out), output.err

    return run


def setting():
    return Setting(load_params(), load_card("rotten_tomatoes"))


def by_itself(arm):
    """Return the probability of "positive" that an arm's student gives each text by itself."""
    student = load_student(paths.model(arm), setting())
    return [student.predict_proba([row])[0, 1] if row["text"] else None for row in rows(*TEXTS)]


def positive(answers):
    return [row["probabilities"] and row["probabilities"]["positive"] for row in answers]


def close(some, others):
    return all(
        one is other is None or one == pytest.approx(other, abs=2e-5)
        for one, other in zip(some, others, strict=True)
    )


@pytest.mark.parametrize("name", ["llm", "llm_probe"])
def test_the_language_model_alone(answered, name):
    answers, _ = answered("--with", name)
    assert close(positive(answers), by_itself(name))
    assert [row["label"] for row in answers] == [
        {"": None}.get(text, "negative" if "awful" in text else "positive") for text in TEXTS
    ]
    assert "answered_by" not in answers[0]


@pytest.mark.parametrize("name", ["llm", "llm_probe"])
def test_the_language_model_answers_what_the_student_is_least_sure_of(answered, name):
    alone, model = by_itself("mixed"), by_itself(name)
    answers, notes = answered("--fallback", name, "--budget", "0.5")
    sure = sorted(max(p, 1 - p) for p in alone if p is not None)
    passed_on = [p is not None and max(p, 1 - p) < sure[3] for p in alone]
    assert sum(passed_on) == 3
    assert close(
        positive(answers), [m if passed else a for m, a, passed in zip(model, alone, passed_on, strict=True)]
    )
    assert [row["answered_by"] for row in answers] == [
        None if a is None else "fallback" if passed else "student"
        for a, passed in zip(alone, passed_on, strict=True)
    ]
    assert "predict: the fallback answered 3 of 6 texts\n" in notes


def test_a_fifth_is_passed_on_unless_the_command_says_otherwise(answered):
    assert "answered 1 of 6" in answered("--fallback", "llm")[1]
    assert "answered 6 of 6" in answered("--fallback", "llm", "--min-confidence", "1")[1]
    assert "answered 1 of 6" in answered("--fallback", "llm", "--min-confidence", "1", "--budget", "0.3")[1]
    assert "answered 0 of 6" in answered("--fallback", "llm", "--budget", "0")[1]


def test_a_table_has_the_column_though_its_first_text_is_empty(answered, project):
    (project / "texts.txt").write_text("\n" + "\n".join(TEXTS))
    answers, _ = answered(
        "--fallback", "llm", "--format", "csv", read=lambda output: [*csv.DictReader(io.StringIO(output))]
    )
    assert [row["answered_by"] != "" for row in answers] == [row["text"] != "" for row in answers]
    assert {row["answered_by"] for row in answers} == {"", "student", "fallback"}


def test_unsure_answers_are_left_blank_and_counted(answered):
    plain, _ = answered("--with", "llm")
    sure = sorted({row["probability"] for row in plain if row["probability"]})
    assert len(sure) > 1
    answers, notes = answered("--with", "llm", "--min-confidence", str(sure[-1]))
    unsure = [row["probability"] is not None and row["probability"] < sure[-1] for row in plain]
    assert [row["label"] for row in answers] == [
        None if left else row["label"] for row, left in zip(plain, unsure, strict=True)
    ]
    assert positive(answers) == positive(plain)
    assert "predict: 1 empty text has no label\n" in notes
    because = f"because none has a probability of {sure[-1]:g} or more"
    assert f"predict: {sum(unsure)} texts have no label, {because}" in notes


def test_what_the_language_model_is_unsure_of_too_has_no_label(answered):
    answers, _ = answered("--fallback", "llm", "--min-confidence", "1")
    assert {row["answered_by"] for row in answers if row["text"]} == {"fallback"}
    assert [row["label"] for row in answers] == [None] * len(TEXTS)


def test_the_first_arm_of_the_student_answers(answered, edit):
    paths.model("llm").rename(paths.model("first"))
    edit("params.yaml", "  llm: {real: all", "  first: {real: all, student: llm}\n  llm: {real: all")
    assert len(answered("--with", "llm")[0]) == len(TEXTS)


def untrained():
    paths.model("llm").rename("models/elsewhere")


def too_few():
    untrained()
    write_note(paths.model("llm"), "too few rows")


def damaged():
    (paths.model("llm") / "student.json").write_text("{")


def in_no_arm():
    untrained()
    params = load_params().model_dump()
    del params["arms"]["llm"]
    Path("params.yaml").write_text(json.dumps(params))


@pytest.mark.parametrize("option", ["--with", "--fallback"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (untrained, "{option}: models/llm: not trained; run `dvc repro`"),
        (too_few, "{option}: models/llm: too few rows"),
        (damaged, "models/llm/student.json: damaged: "),
        (
            in_no_arm,
            "{option}: params.yaml has no arm with student: llm; add `llm: {{real: all, student: llm}}`",
        ),
    ],
)
def test_a_student_that_is_not_there_is_one_line(answered, capsys, option, spoil, message):
    spoil()
    with pytest.raises(SystemExit) as caught:
        answered(option, "llm")
    error = capsys.readouterr().err
    assert caught.value.code == 1
    assert f"labelmint predict: error: {message.format(option=option)}" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--budget 0.3", "--budget: nobody to pass texts on to; add --fallback llm or llm_probe"),
        ("--with llm --fallback llm", "--fallback: models/llm is the student itself; name another"),
        ("--with llm --arm real", "not allowed with argument"),
        ("--with tfidf", "invalid choice"),
        *((f"--fallback llm --budget {share}", "is no number from 0 to 1") for share in ("1.5", "x", "-1")),
    ],
)
def test_options_that_cannot_work(answered, capsys, options, message):
    with pytest.raises(SystemExit):
        answered(*options.split())
    assert message in capsys.readouterr().err
