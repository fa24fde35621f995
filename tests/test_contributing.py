"""The examples of CONTRIBUTING.md, applied to a copy of the project, work."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import REPOSITORY

TEXT = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^(New file|In) `([^`]+)`:\n\n```\w+\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
SHELL = "\n".join(re.findall(r"^```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE))
COMMANDS = re.findall(r"^python .*$", SHELL, re.MULTILINE)
COPIED = ["labelmint", "stages", "experiments", "tests", "docs", "data/tasks", "data/models.yaml"]
COPIED += ["params.yaml", "pyproject.toml"]

TASKS_AND_ARMS = """
from labelmint.checks import check_names
from labelmint.core.arms import training_sets
from labelmint.core.params import load_params
from labelmint.tasks.cards import load_card
from labelmint.tasks.source import read_source
from tests.builders import candidate, reviews

params = load_params()
check_names(params)
real = reviews({"negative": 50, "positive": 50})
kept = [{**candidate(number, "a text", label), "judged_label": label}
        for number in range(350) for label in ("negative", "positive")]
sets, left_out = training_sets(params.arms, real, [], kept, [], 1)
assert len(sets["mixed_600"]) == 700, left_out
assert len(sets["naive_bayes"]) == 800
card = load_card("tickets")
assert {row["label"] for row in read_source(card, "tickets").rows} == {"billing", "bug"}
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project with all examples in it."""
    root = tmp_path_factory.mktemp("extended")
    for name in COPIED:
        source, target = REPOSITORY / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for kind, name, content in EXAMPLES:
        file = root / name
        if kind == "New file":
            assert not file.exists(), name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        else:
            file.write_text(added(file.read_text(encoding="utf-8"), content, name), encoding="utf-8")
    return root


def added(text: str, excerpt: str, name: str) -> str:
    """Return a file's text with the excerpt's added lines."""
    lines = excerpt.splitlines(keepends=True)
    there = "".join(line[1:] for line in lines if not line.startswith("+"))
    assert text.count(there) == 1, f"{name}: {there!r} is not there exactly once"
    return text.replace(there, "".join(line[1:] for line in lines))


def run(root: Path, *command: str) -> str:
    result = subprocess.run(
        [sys.executable, *command],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_there_is_an_example_of_each_kind():
    names = " ".join(name for _, name, _ in EXAMPLES)
    for part in ("prompts/methods/", "rules/", "students/", "params.yaml", "data/tasks/"):
        assert part in names


def test_the_examples_fit_the_files_that_they_change(extended):
    assert all((extended / name).is_file() for _, name, _ in EXAMPLES)


@pytest.mark.slow
def test_the_added_tests_pass(extended):
    tests = [name for _, name, _ in EXAMPLES if name.startswith("tests/")]
    listed = "tests/prompts/test_methods.py::test_the_docs_say_what_each_method_shows[keyword]"
    run(extended, "-m", "pytest", "-p", "no:cacheprovider", *tests, listed)


@pytest.mark.slow
def test_the_added_arms_and_task_are_there(extended):
    run(extended, "-c", TASKS_AND_ARMS)


@pytest.mark.slow
def test_the_commands_work(extended):
    assert COMMANDS
    for command in COMMANDS:
        program, _, target = command.removeprefix("python ").partition(" > ")
        written = run(extended, *program.split())
        assert "capitals" in written
        assert (extended / target).is_file(), "it replaces a page that is there"


@pytest.mark.slow
def test_the_added_code_is_clean(extended):
    files = [name for _, name, _ in EXAMPLES if name.endswith(".py")]
    run(extended, "-m", "ruff", "check", "--no-cache", *files)
    run(extended, "-m", "ruff", "format", "--check", "--no-cache", *files)
