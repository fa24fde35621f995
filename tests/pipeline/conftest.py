"""A clone of the project with a tiny configuration, run by the real `dvc` with the real models."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.reliability.project import set_params
from tests.builders import REPOSITORY, environment_in

TINY: dict[str, Any] = {
    "real.rows": 24,
    "prepare.test_rows": 60,
    "prepare.unlabelled_rows": 24,
    "arms": {
        "real": {"real": "all"},
        "mixed": {"real": "all", "synthetic": "all"},
        "labelled": {"real": "all", "unlabelled": "all"},
    },
    "llm.slots": 16,
    "llm.threads": 1,  # two, which wait for each other, are far slower on a busy machine
    "llm.context_tokens": 2048,
    "generate.candidates": 24,
    "generate.demonstrations": 2,
    "generate.samples_per_prompt": 6,
    "generate.max_new_tokens": 24,
    "labelling.scorers": ["llm", "probe"],
    "labelling.demonstrations": 4,
    "labelling.min_margin": 0.0,  # so that some texts are kept
    # The encoder is for `describe` alone: each stage that loads it takes fifteen seconds longer.
    "filter.semantic_similarity": 1.0,
    "train.encoder": "minilm-l6-v2",
    "train.student": "tfidf",
    "train.seeds": [1],
    "evaluate.bootstrap_samples": 200,
}


class Clone:
    """A clone in a folder's `clone`, with a cache beside it, and the commands that tests run in it."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "clone"
        # `python` in dvc.yaml must be the one that runs the tests.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {
            **os.environ,
            **environment_in(home),
            "PATH": path,
            "DVC_NO_ANALYTICS": "1",
            "COLUMNS": "200",
        }

    def try_run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command and return how it ended."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def run(self, *command: str) -> str:
        """Run a command that must succeed; return its output, errors included."""
        done = self.try_run(*command)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def dvc(self, *arguments: str) -> str:
        """Run dvc."""
        return self.run(sys.executable, "-m", "dvc", *arguments)

    def dvc_json(self, *arguments: str) -> Any:
        """Run dvc; return what it printed as JSON."""
        done = self.try_run(sys.executable, "-m", "dvc", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def stages_run(self, *arguments: str) -> list[str]:
        """Run dvc; return the names of the stages that it ran."""
        lines = self.dvc(*arguments).splitlines()
        return [line.split("'")[1] for line in lines if line.startswith("Running stage '")]

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)

    def write_params(self, changes: dict[str, Any]) -> None:
        """Change params.yaml; keys are dotted."""
        set_params(self.folder / "params.yaml", changes)


def make_clone(home: Path) -> Clone:
    """Copy the files that git tracks, or would, into a repository of its own, with the tiny configuration."""
    clone = Clone(home)
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        if (REPOSITORY / name).is_file() and not name.startswith(("tests/", "metrics/", "dvc.lock")):
            (clone.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, clone.folder / name)
    clone.write_params(TINY)
    clone.run("git", "init", "-q", "-b", "main")
    clone.commit("Tiny configuration")
    return clone


def copy_of(finished: Path, home: Path) -> Clone:
    """Return a copy of the clone with caches of its own."""
    shutil.copytree(finished, home, symlinks=True, copy_function=link_or_copy)
    return Clone(home)


def link_or_copy(source: str, target: str) -> None:
    """Link models and DVC's cache, which are large and never changed in place; copy other files."""
    linked = "/.dvc/cache/" in source or source.endswith((".gguf", ".safetensors"))
    (os.link if linked else shutil.copy2)(source, target)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the pipeline once, for all processes of the tests, and commit its results; return the folder."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    home = shared / "finished"
    with (shared / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "stages.json").exists():
            shutil.rmtree(home, ignore_errors=True)
            clone = make_clone(home)
            stages = clone.stages_run("repro")
            clone.commit("First run")
            (home / "stages.json").write_text(json.dumps(stages))
    return home


@pytest.fixture
def clone(finished: Path, tmp_path: Path) -> Iterator[Clone]:
    """Return a clone as it is after the first run."""
    yield copy_of(finished, tmp_path / "home")
    shutil.rmtree(tmp_path / "home")
