"""The pages of results in the repository."""

import pytest

from experiments import sources, tuning
from experiments.methods import __main__ as methods
from experiments.paper import __main__ as paper
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
