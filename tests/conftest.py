"""An environment of its own for every test, and projects and models to test with."""

import gc
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from experiments.reliability.project import set_params as write_params
from labelmint.core import config
from labelmint.core.params import Llm, Params, load_params
from stages.prepare import main as prepare
from tests.builders import REPOSITORY, environment_in, reviews, write_card

pytest_plugins = ["tests.encoder.fixtures"]

TINY: dict[str, Any] = {
    "task": "tiny",
    "real.rows": 20,
    "prepare.test_rows": 40,
    "arms": {
        "real": {"real": "all"},
        "synthetic": {"synthetic": "all"},
        "mixed": {"real": "all", "synthetic": "all"},
        "real_30": {"real": 30},
        "real_40": {"real": 40},
        "real_50": {"real": 50},
    },
    # What needs the real encoder is for the tests that ask for it.
    "filter.semantic_similarity": 1.0,
    # The scripted model's sentences, of a few dozen words, are edits of each other. The rule about
    # languages takes as long as all others.
    "filter.disabled_rules": ["near_duplicate", "demonstration_copy", "real_copy", "test_leak", "language"],
}

# What a shell starts in the background ignores Ctrl-C, and so would the processes that tests send one to.
signal.signal(signal.SIGINT, signal.default_int_handler)

# YAML is slow to read, and most tests read the same files, or settings that `change_params` wrote.
PARSED: dict[str, Any] = {}
parse_yaml = config.parse_yaml


def parse_once(text: str) -> Any:
    """Return what a YAML text says, which is parsed when it comes for the first time."""
    if text not in PARSED:
        PARSED[text] = parse_yaml(text)
    return deepcopy(PARSED[text])


config.parse_yaml = parse_once

# No deadline: a shared machine pauses now and then, and a pause is no failure.
settings.register_profile("labelmint", deadline=None, max_examples=60)
settings.load_profile("labelmint")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes minutes: one process runs the pipeline, while another kills stages."""
    items.sort(key=lambda item: ("pipeline" not in item.path.parts, item.path.stem == "test_experiments"))
    # What is imported by now stays: each search for garbage would look at its millions of objects.
    gc.freeze()


@pytest.fixture
def open_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return open_with(model, *modules): let these modules open it as the language model of params.yaml."""

    def of(model: Any, *modules: str) -> Any:
        def open_model(llm: Llm) -> AbstractContextManager[Any]:
            assert llm == load_params().llm
            return nullcontext(model)

        for module in modules:
            monkeypatch.setattr(f"{module}.open_model", open_model)
        return model

    return of


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep the user's caches and settings out of the test, and the test out of them."""
    home = tmp_path_factory.mktemp("home")
    isolate(monkeypatch, home)
    return home


def isolate(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Have caches and settings in a folder, and a name for commits."""
    monkeypatch.delenv("LABELMINT_DEBUG", raising=False)
    for name, value in environment_in(home).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def cache(isolated: Path) -> Path:
    """Return the folder that is the per-user cache in this test."""
    return isolated / "cache"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a copy of the project's settings and go there."""
    copy_settings(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def copy_settings(folder: Path) -> None:
    """Copy what every stage reads into a folder."""
    shutil.copytree(REPOSITORY / "data/tasks", folder / "data/tasks")
    for name in ("params.yaml", "dvc.yaml", "data/models.yaml"):
        shutil.copy(REPOSITORY / name, folder / name)


@pytest.fixture
def params(project: Path) -> Params:
    """Return the shipped params.yaml."""
    return load_params(project / "params.yaml")


@pytest.fixture
def edit(project: Path) -> Callable[[str, str, str], None]:
    """Return edit(file, old, new): replace text that stands once in a file of the project."""

    def replace(file: str, old: str, new: str) -> None:
        path = project / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    return replace


def change_params(path: Path, changes: dict[str, Any]) -> None:
    """Change settings of a params.yaml that are there, by dotted keys, and remember what its text says."""
    content = write_params(path, changes)
    PARSED[path.read_text(encoding="utf-8")] = deepcopy(content)


@pytest.fixture
def set_params(project: Path) -> Callable[[dict[str, Any]], None]:
    """Return set_params({"section.key": value}): change params.yaml, whatever it ships with."""

    def change(values: dict[str, Any]) -> None:
        change_params(project / "params.yaml", values)

    return change


@pytest.fixture(scope="session")
def prepared_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what `prepared` adds to a project."""
    folder = tmp_path_factory.mktemp("prepared")
    copy_settings(folder)
    change_params(folder / "params.yaml", TINY)
    write_card(folder, "tiny")
    values = {"negative": "neg", "positive": "pos"}
    rows = [f"{row['text']},{values[row['label']]}\n" for row in reviews({"negative": 60, "positive": 60})]
    (folder / "data/raw").mkdir()
    (folder / "data/raw/rows.csv").write_text("text,label\n" + "".join(rows), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        prepare()
    return folder


@pytest.fixture
def prepared(project: Path, set_params: Callable[[dict[str, Any]], None], prepared_once: Path) -> Path:
    """Make a project of 60 reviews of each of two labels, 20 of them real rows and 40 test rows."""
    set_params(TINY)
    for name in ("data/raw", "data/real", "metrics"):
        shutil.copytree(prepared_once / name, project / name, dirs_exist_ok=True)
    shutil.copy(prepared_once / "data/tasks/tiny.yaml", project / "data/tasks")
    return project


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a cache that all tests share, for the joined files of the real models."""
    folder = tmp_path_factory.mktemp("models-cache")
    yield folder
    shutil.rmtree(folder)  # pytest keeps the last three runs' folders: too much for models
