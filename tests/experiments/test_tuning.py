"""The measurement of `labelmint tune`, from end to end with a scripted model and a tiny encoder."""

import json

import pytest

from experiments import sources, tuning
from labelmint.core.errors import DataError
from labelmint.tune import settings
from tests.fake_model import FakeModel


@pytest.fixture
def small(prepared, set_params, tiny_encoder, open_with, constants, monkeypatch):
    """Measure on one tiny task with three settings; return the page's path."""
    set_params(
        {"evaluate.bootstrap_samples": 100, "labelling.demonstrations": 2, "labelling.scorers": ["llm"]}
    )
    monkeypatch.setattr(sources, "STUDENTS", {"tiny": ("tiny", "linear_head")})
    monkeypatch.setattr(settings, "CHANGES", [{"temperature": 0.8}, {"min_p": 0.1}])
    page = prepared / "tuning.md"
    constants(tuning)(TASKS=["tiny"], MPNET="tiny", PAGE=page, TRIED=240)
    open_with(FakeModel(), "experiments.tuning")
    return page


@pytest.mark.slow
def test_the_results_and_the_page(small, monkeypatch):
    tuning.main()
    result = json.loads(tuning.RESULT.read_text(encoding="utf-8"))["tiny"]
    assert [len(one) for one in result["race"]] == [3, 2]
    (last,) = result["students"]
    assert last["candidates"] == 80
    assert [*last["settings"]][:2] == ["real", "as in params.yaml"]
    assert last["settings"]["as in params.yaml"]["gain"] == {}
    text = small.read_text(encoding="utf-8")
    assert text.count("| tiny |") == 6
    # Results that are there are not computed again.
    monkeypatch.setattr(tuning, "run", None)
    tuning.main()
    assert small.read_text(encoding="utf-8") == text


def test_one_setting_alone_is_an_error(small, monkeypatch):
    monkeypatch.setattr(settings, "CHANGES", [])
    with pytest.raises(DataError, match="nothing to compare: all changes give the same texts"):
        tuning.main()
