import pytest

from labelmint.core.params import load_params
from labelmint.students.base import Setting
from labelmint.students.registry import open_student
from tests.builders import REPOSITORY, card, labelled

OPINIONS = {
    "negative": ["awful", "dull", "a waste of time"],
    "positive": ["great", "moving", "a joy to watch"],
}
THINGS = ["film", "plot", "cast", "ending", "script", "music"]


def rows(things):
    pairs = [
        (label, f"the {thing} is {said}")
        for thing in things
        for label in OPINIONS
        for said in OPINIONS[label]
    ]
    return [labelled(label, number, text) for number, (label, text) in enumerate(pairs)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linear_head", "fine_tune", "llm"])
def test_the_shipped_models_tell_praise_from_scorn(project, model_cache, monkeypatch, name):
    monkeypatch.setenv("LABELMINT_CACHE", str(model_cache))
    student = open_student(name, Setting(load_params(REPOSITORY / "params.yaml"), card()))
    student.fit(rows(THINGS[:4]), 1)
    test = rows(THINGS[4:])
    predicted = [student.label_names[place] for place in student.predict_proba(test).argmax(axis=1)]
    student.close()
    assert sum(label == row["label"] for label, row in zip(predicted, test, strict=True)) >= 10
