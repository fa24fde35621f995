"""`kill -9` in the middle of generate and of filter, then a second run: the bytes of an uninterrupted run."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.pipeline.conftest import Clone

pytestmark = pytest.mark.slow

SETTINGS = {
    "generate.candidates": 18,  # three waves
    "generate.prompts_per_wave": 1,
    "generate.max_new_tokens": 16,
    "labelling.demonstrations": 2,
}


@pytest.fixture
def prepared(pristine, tmp_path):
    """Make a project in which only prepare has run, with an empty cache."""
    made = shutil.ignore_patterns(
        ".git", ".dvc", "real", "synthetic", "labelled", "arms", "predictions", "metrics"
    )
    shutil.copytree(pristine.folder, tmp_path / "project", ignore=made)
    project = Clone(tmp_path / "project", tmp_path)
    project.write_params(SETTINGS)
    project.run(sys.executable, "-m", "stages.prepare")
    return project


def results(project: Clone, kind: str) -> int:
    """Return how many results of a kind the cache holds."""
    file = Path(project.environment["LABELMINT_CACHE"]) / "finished_work.sqlite"
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            return database.execute("SELECT COUNT(*) FROM results WHERE kind = ?", (kind,)).fetchone()[0]
    except sqlite3.OperationalError:  # no file or table yet
        return 0


def kill_after_a_result(project: Clone, stage: str, kind: str) -> None:
    """Run a stage and kill it as soon as the cache holds a result of the kind."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"stages.{stage}"],
        cwd=project.folder,
        env=project.environment,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline and not results(project, kind):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it was killed"
    assert results(project, kind)


def check_that_it_resumes(project: Clone, stage: str, kind: str, names: list[str], other_cache: Path) -> None:
    """Kill the stage, run it again, and compare with a run from an empty cache."""

    def run() -> list[bytes]:
        project.run(sys.executable, "-m", f"stages.{stage}")
        return [(project.folder / name).read_bytes() for name in names]

    kill_after_a_result(project, stage, kind)
    assert not any((project.folder / name).exists() for name in names)
    resumed = run()
    project.environment["LABELMINT_CACHE"] = str(other_cache)
    assert run() == resumed


def test_generate_resumes_where_it_was_killed(prepared, tmp_path):
    names = ["data/synthetic/candidates.jsonl", "data/synthetic/prompts.jsonl"]
    check_that_it_resumes(prepared, "generate", "generate", names, tmp_path / "another")


def test_filter_resumes_where_it_was_killed(prepared, tmp_path):
    # Candidates made of real sentences. Their label scores and those of the real rows are two results.
    pool = (prepared.folder / "data/real/pool.jsonl").read_text().splitlines()[:60]
    shared = {"prompt_id": "p", "demonstration_ids": [], "method": "few_shot", "values": {}}
    shared |= {"seed": 1, "tokens": 9, "finish_reason": "stop"}
    rows = [
        {**shared, "id": f"s{number:06d}", "text": " ".join(row["text"].split()[:12]), "label": row["label"]}
        for number, row in enumerate(map(json.loads, pool))
    ]
    candidates = prepared.folder / "data/synthetic/candidates.jsonl"
    candidates.parent.mkdir(parents=True, exist_ok=True)
    candidates.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (candidates.parent / "top_up_candidates.jsonl").touch()
    names = ["data/synthetic/kept.jsonl", "data/synthetic/rejected.jsonl"]
    check_that_it_resumes(prepared, "filter", "label", names, tmp_path / "another")
