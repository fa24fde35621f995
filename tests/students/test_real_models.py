import pytest

from labelmint.students.base import Setting
from labelmint.students.registry import open_student
from tests.builders import card, labelled

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
@pytest.mark.parametrize(
    ("name", "encoder"), [("linear_head", "mpnet-base-v2"), ("fine_tune", "minilm-l6-v2"), ("llm", "")]
)
def test_the_shipped_models_tell_praise_from_scorn(params, model_cache, monkeypatch, name, encoder):
    monkeypatch.setenv("LABELMINT_CACHE", str(model_cache))
    train = params.train.model_copy(update={"encoder": encoder or params.train.encoder})
    student = open_student(name, Setting(params.model_copy(update={"train": train}), card()))
    student.fit(rows(THINGS[:4]), 1)
    test = rows(THINGS[4:])
    predicted = [student.label_names[place] for place in student.predict_proba(test).argmax(axis=1)]
    student.close()
    assert sum(label == row["label"] for label, row in zip(predicted, test, strict=True)) >= 10
