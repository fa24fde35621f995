import json

import numpy as np
import pytest

from labelmint.cli import main
from labelmint.core import paths
from labelmint.core.errors import ModelError
from labelmint.predict.fallback import WithFallback
from labelmint.students.saving import write_student

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


def test_the_least_sure_share_is_answered_by_the_fallback():
    fallback = Fixed(positive=0.9)
    both = WithFallback(Fixed(), fallback, budget=0.5)
    probabilities = both.predict_proba(rows("0.05", "0.45", "0.6", "0.99"))
    assert fallback.asked == [["0.45", "0.6"]]
    assert both.passed_on.tolist() == [False, True, True, False]
    np.testing.assert_allclose(probabilities[:, 1], [0.05, 0.9, 0.9, 0.99])


def test_labels_in_another_order_are_put_in_order_and_other_labels_refused():
    turned = WithFallback(Fixed(), Fixed(["positive", "negative"], positive=0.9), budget=1.0)
    np.testing.assert_allclose(turned.predict_proba(rows("0.5")), [[0.9, 0.1]])
    with pytest.raises(ModelError, match="train both on the same task"):
        WithFallback(Fixed(), Fixed(["a", "b"]), budget=1.0)


@pytest.mark.parametrize("budget", [0.0, 0.1])
def test_without_a_budget_for_one_text_the_fallback_is_not_asked(budget):
    fallback = Fixed(positive=0.9)
    WithFallback(Fixed(), fallback, budget).predict_proba(rows("0.5", "0.6"))
    assert fallback.asked == []


@pytest.fixture
def answered(project, save_arm, monkeypatch, capsys):
    """Return answered(options): what predict writes, with a scripted language model as the arm llm."""
    save_arm()
    paths.model("llm").mkdir(parents=True)
    write_student(paths.model("llm"), "llm", NAMES)
    texts = project / "texts.txt"
    texts.write_text("one film\nanother film\n\na third one\nthe last\n")
    from labelmint.predict import command

    real = command.load_student
    monkeypatch.setattr(
        command,
        "load_student",
        lambda folder, setting: Fixed(positive=0.75) if folder.name == "llm" else real(folder, setting),
    )

    def run(*options):
        main(["predict", "--input", str(texts), *options])
        output = capsys.readouterr()
        return [json.loads(line) for line in output.out.splitlines()], output.err

    return run


def test_predict_passes_on_what_the_student_is_unsure_of(answered):
    alone, _ = answered()
    answers, _ = answered("--fallback", "llm", "--budget", "0.5")
    assert [row.get("answered_by") for row in answers].count("fallback") == 2
    for row, before in zip(answers, alone, strict=True):
        if row.get("answered_by") == "fallback":
            assert (row["label"], row["probability"]) == ("positive", 0.75)
        else:
            assert row["label"] == before["label"]


def test_predict_with_the_language_model_alone(answered):
    answers, _ = answered("--with", "llm")
    assert {row["probability"] for row in answers if row["label"]} == {0.75}


def test_unsure_answers_are_left_blank_and_counted(answered):
    answers, note = answered("--with", "llm", "--min-confidence", "0.8")
    assert [row["label"] for row in answers] == [None] * 5
    assert [row["probability"] for row in answers] == [0.75, 0.75, None, 0.75, 0.75]
    assert "4 texts have no label, because none has a probability of 0.8 or more" in note


def test_a_student_that_was_not_trained_is_one_line(answered, capsys):
    with pytest.raises(SystemExit):
        answered("--fallback", "llm_probe")
    error = capsys.readouterr().err
    assert "--fallback: no trained arm with student: llm_probe; add `llm_probe: {real: all" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("share", ["1.5", "x", "-1"])
def test_shares_are_from_0_to_1(answered, capsys, share):
    with pytest.raises(SystemExit):
        answered("--budget", share)
    assert "is no number from 0 to 1" in capsys.readouterr().err
