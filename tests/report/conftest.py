"""A project with a run's results, and the report made of them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from markupsafe import Markup

from labelmint.report import charts
from stages.report import main
from tests.builders import write_card
from tests.report.helpers import write_data, write_evaluation, write_extras


@pytest.fixture
def run(project: Path, set_params) -> Path:
    """Make a project of the task `tiny`, without any results."""
    set_params({"task": "tiny"})
    write_card(project, "tiny")
    return project


@pytest.fixture
def full(run: Path) -> Path:
    """Give it the results of every stage."""
    write_data()
    write_evaluation()
    write_extras()
    return run


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return made(drawn=False): make the report and return the page; charts take seconds to draw."""

    def make(*, drawn: bool = False) -> str:
        with monkeypatch.context() as patch:
            if not drawn:
                patch.setattr(charts, "drawn", lambda _, description: Markup("<p>{}</p>").format(description))
            main()
        return Path("metrics/report.html").read_text(encoding="utf-8")

    return make
