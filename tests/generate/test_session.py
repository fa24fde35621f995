from contextlib import contextmanager

import pytest

from labelmint.core.errors import DataError, LabelmintError, ModelError, ParamsError
from labelmint.core.params import load_params
from labelmint.generation.preview import preview
from labelmint.generation.session import Session
from labelmint.llm.base import Completion
from tests.builders import REPOSITORY, card
from tests.fake_model import FakeModel
from tests.generate.helpers import ROWS, config

LISTED = {"topics": ["the plot", "the music"], "personas": ["a nurse", "a student"]}


def session(model=None, rows=ROWS, the_card=None, class_balance="balanced", **changes):
    params = load_params(REPOSITORY / "params.yaml")
    own = params.model_copy(update={"generate": config(**changes), "class_balance": class_balance})
    return Session(own, the_card or card(**LISTED), rows, model or FakeModel())


def test_every_row_records_its_method_and_values():
    made = session(method={"few_shot": 0.5, "zero_shot_topic": 0.25, "persona": 0.25}, candidates=80)
    rows, _ = made.write(made.waves(), "generate")
    assert {row["method"] for row in rows} == {"few_shot", "zero_shot_topic", "persona"}
    wanted = {"few_shot": set(), "zero_shot_topic": {"topic"}, "persona": {"persona"}}
    for row in rows:
        assert set(row["values"]) == wanted[row["method"]]


@pytest.mark.parametrize(
    ("method", "kind", "never_empty"),
    [("few_shot", "base", False), ("zero_shot", "base", True), ("few_shot", "chat", True)],
)
def test_texts_may_not_be_empty_where_models_fall_silent(method, kind, never_empty):
    assert session(FakeModel(kind=kind), method=method).sampling.never_empty is never_empty


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"method": "few_shot", "rows": []}, ParamsError, "generate.method: few_shot shows real rows"),
        ({"the_card": card(method="clever")}, ParamsError, "method: no method 'clever'"),
        ({"class_balance": {"negative": 0.5}}, ParamsError, "class_balance: 'positive' has no share"),
        ({"method": "template", "rows": []}, DataError, "no templates for 'negative'"),
        (
            {"method": "template", "the_card": card(templates=["a {"])},
            ParamsError,
            "belongs to no slot",
        ),
    ],
)
def test_what_does_not_go_together_is_an_error_before_the_model_is_asked(changes, error, message):
    model = FakeModel()
    with pytest.raises(error) as caught:
        session(model, **{"the_card": card(), **changes})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert model.waves_written == 0


@pytest.mark.parametrize("ability", ["contrast", "repetition_penalty"])
def test_a_setting_that_the_model_cannot_follow_is_an_error(ability):
    model = FakeModel(abilities=frozenset({"score"}))
    with pytest.raises(ModelError, match=rf"params\.yaml: generate\.{ability}: this model or backend can't"):
        session(model, **{ability: 1.5})
    assert session(model).sampling.abilities == frozenset()


def test_errors_are_of_the_one_family():
    assert issubclass(ParamsError, LabelmintError)


@pytest.fixture
def opened(prepared, monkeypatch):
    """Return the model that preview opens in a small project."""
    model = FakeModel()

    @contextmanager
    def open_model(_):
        yield model

    monkeypatch.setattr("labelmint.generation.preview.open_model", open_model)
    return model


def test_the_preview_shows_every_label_and_method_and_writes_nothing(prepared, opened, set_params, capsys):
    set_params({"generate.method": {"few_shot": 0.75, "zero_shot": 0.25}, "generate.demonstrations": 2})
    before = {path: path.read_bytes() for path in prepared.rglob("*") if path.is_file()}
    preview()
    assert {path: path.read_bytes() for path in prepared.rglob("*") if path.is_file()} == before
    said = capsys.readouterr().out
    for label in ("negative", "positive"):
        for method in ("few_shot", "zero_shot"):
            assert f"=== {label} ({method}), the prompt:\n" in said
    assert said.count("  · ") == 20
    assert "methods: few_shot 75%, zero_shot 25%" in said
    assert "labels:  negative 50%, positive 50%" in said
    assert "of 20," in said


def test_the_preview_says_what_the_model_made_of_the_label(prepared, opened, set_params, capsys):
    opened.writer = lambda *_: Completion("fine\nSentiment: positive", 5, "length")
    set_params({"generate.order": "text_first", "generate.demonstrations": 2})
    preview()
    said = capsys.readouterr().out
    assert said.count("  · fine [positive] [cut off]\n") == 5
    assert said.count("  · fine [cut off]\n") == 5
