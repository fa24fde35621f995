"""The pages of results: those in the repository, and none without results."""

import pytest

from experiments import grounding, sources, tuning
from experiments.ablate import __main__ as ablate
from experiments.cluster_agent import __main__ as cluster_agent
from experiments.methods import __main__ as methods
from experiments.paper import __main__ as paper
from experiments.reliability import __main__ as reliability
from labelmint.core.errors import DataError
from tests.builders import REPOSITORY


@pytest.mark.parametrize(
    "module",
    [paper, tuning, methods, sources],
)
def test_a_page_of_the_repository_is_what_its_results_give(module, monkeypatch, tmp_path):
    monkeypatch.chdir(REPOSITORY)
    text = module.PAGE.read_text(encoding="utf-8")
    monkeypatch.setattr(module, "PAGE", tmp_path / "page.md")
    module.main(page_only=True)
    assert module.PAGE.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("module", "command"),
    [
        (ablate, "make ablate"),
        (cluster_agent, r"python -m experiments\.cluster_agent --model …"),
        (grounding, r"python -m experiments\.grounding TASK"),
        (methods, r"python -m experiments\.methods"),
        (paper, r"python -m experiments\.paper"),
        (reliability, r"python -m experiments\.reliability"),
        (sources, r"python -m experiments\.sources"),
        (tuning, r"python -m experiments\.tuning"),
    ],
)
def test_a_page_of_no_results_is_an_error(project, module, command):
    with pytest.raises(DataError, match=f"no results; run `{command}`"):
        module.main(page_only=True)
    assert not module.PAGE.exists()
