import pytest

from labelmint.core.params import load_params
from labelmint.generation.preview import preview
from labelmint.llm.base import Completion
from tests.builders import contents_of
from tests.fake_model import FakeModel


@pytest.fixture
def model(prepared, open_with):
    """Return the model that preview opens in a small project."""
    return open_with(FakeModel(), "labelmint.generation.preview")


def test_every_label_and_method_is_shown_and_nothing_is_written(prepared, model, set_params, capsys):
    set_params({"generate.method": {"few_shot": 0.75, "zero_shot": 0.25}, "generate.demonstrations": 2})
    before = contents_of(prepared)
    preview(load_params())
    assert contents_of(prepared) == before
    output = capsys.readouterr().out
    for label in ("negative", "positive"):
        for method in ("few_shot", "zero_shot"):
            assert f"=== {label} ({method}), the prompt:\n" in output
    assert output.count("  · ") == 20
    assert "methods: few_shot 75%, zero_shot 25%" in output
    assert "labels:  negative 50%, positive 50%" in output
    assert "of 20," in output


def test_a_label_that_the_model_named_is_shown(prepared, model, set_params, capsys):
    model.writer = lambda *_: Completion("fine\nSentiment: positive", 5, "length")
    set_params({"generate.order": "text_first", "generate.demonstrations": 2})
    preview(load_params())
    output = capsys.readouterr().out
    assert output.count("  · fine [positive] [cut off]\n") == 5
    assert output.count("  · fine [cut off]\n") == 5
