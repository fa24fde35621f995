"""The pages of results in the repository."""

import pytest

from experiments import sources, tuning
from experiments.methods import __main__ as methods
from experiments.paper import __main__ as paper
from experiments.study import __main__ as study
from experiments.study import page as study_page
from tests.builders import REPOSITORY


@pytest.mark.parametrize(
    ("module", "main"),
    [
        pytest.param(study_page, study.main, marks=pytest.mark.slow),
        (paper, paper.main),
        (tuning, tuning.main),
        (methods, methods.main),
        (sources, sources.main),
    ],
)
def test_a_page_of_the_repository_is_what_its_results_give(module, main, monkeypatch, tmp_path):
    monkeypatch.chdir(REPOSITORY)
    text = module.PAGE.read_text(encoding="utf-8")
    monkeypatch.setattr(module, "PAGE", tmp_path / "page.md")
    main(page_only=True)
    assert module.PAGE.read_text(encoding="utf-8") == text
