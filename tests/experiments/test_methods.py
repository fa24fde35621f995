"""Importance weights against equal ones, from end to end with a scripted model and a tiny encoder."""

import json
from contextlib import contextmanager

import pytest

from experiments import methods, sources
from labelmint.core.errors import DataError
from tests.experiments.test_sources import reader
from tests.fake_model import FakeModel


@pytest.fixture
def small(prepared, set_params, tiny_encoder, monkeypatch):
    """Measure on one tiny task; return the page's path."""
    set_params({"generate.samples_per_prompt": 10, "generate.prompts_per_wave": 2})
    set_params({"evaluate.bootstrap_samples": 100, "labelling.demonstrations": 4})
    monkeypatch.setattr(sources, "STUDENTS", {"tiny": ("tiny", "linear_head")})
    monkeypatch.setattr(sources, "CANDIDATES", 120)
    page = prepared / "methods.md"
    for name, value in {"TASKS": ["tiny"], "MPNET": "tiny", "SEEDS": [1, 2], "PAGE": page}.items():
        monkeypatch.setattr(methods, name, value)

    @contextmanager
    def open_model(llm):
        yield FakeModel(reader=reader)

    monkeypatch.setattr(methods, "open_model", open_model)
    return page


def test_the_results_and_the_page(small, monkeypatch):
    methods.main()
    result = json.loads((methods.RESULTS / "tiny.json").read_text(encoding="utf-8"))
    for rows in ("as written", "checked"):
        of = result["weighting"][rows]
        assert set(of) == {*methods.WEIGHTS, methods.REAL, methods.FILTERED}
        made = of["equal"]["train_rows"] - 20
        assert of["equal"]["gain"] == {}
        assert of["imp"]["weighting"]["made_rows"] == made
        assert of["imp"]["weighting"]["effective_rows"] < made
        assert of["imp, at most 5"]["weighting"]["largest"] <= 5
        assert 20 < of["filtered"]["train_rows"] <= of["equal"]["train_rows"]
        difference = of["dimp"]["accuracy"]["mean"] - of["equal"]["accuracy"]["mean"]
        assert of["dimp"]["gain"]["accuracy"] == pytest.approx(difference, abs=2e-4)
    text = small.read_text(encoding="utf-8")
    assert text.count("| tiny | as written |") == text.count("| tiny | checked |") == 7
    # Results that are there are not computed again.
    monkeypatch.setattr(methods, "run", None)
    methods.main()
    assert small.read_text(encoding="utf-8") == text


def test_a_page_of_no_results_is_an_error(small):
    with pytest.raises(DataError, match=r"no results; run `python -m experiments\.methods`"):
        methods.main(page_only=True)
