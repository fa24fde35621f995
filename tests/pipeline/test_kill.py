"""`kill -9` in the middle of generate and of filter, then once more: the bytes of an uninterrupted run."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pipeline.conftest import Clone

pytestmark = pytest.mark.slow

SETTINGS = {
    "generate.candidates": 144,  # three waves
    "generate.max_new_tokens": 24,
    "filter.verify.demonstrations": 2,
}


@pytest.fixture
def prepared(pristine, tmp_path):
    """Make a project of its own in which prepare has run, with a cache of its own."""
    shutil.copytree(pristine.folder, tmp_path / "project", ignore=shutil.ignore_patterns(".git", ".dvc"))
    project = Clone(tmp_path / "project", tmp_path)
    for made in ("real", "synthetic", "arms", "predictions"):  # by tests that ran the pipeline before
        shutil.rmtree(project.folder / "data" / made, ignore_errors=True)
    shutil.rmtree(project.folder / "metrics", ignore_errors=True)
    project.write_params(SETTINGS)
    project.run(sys.executable, "-m", "stages.prepare")
    return project


def kill_after_a_record(project: Clone, stage: str) -> int:
    """Run a stage and kill it as soon as its cache holds a record; return the number of records."""
    journals = Path(project.environment["LABELMINT_CACHE"]) / "cache"
    process = subprocess.Popen(
        [sys.executable, "-m", f"stages.{stage}"],
        cwd=project.folder,
        env=project.environment,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if any(path.stat().st_size for path in journals.glob("*.jsonl")):
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it was killed"
    return sum(path.read_bytes().count(b'"digest"') for path in journals.glob("*.jsonl"))


def outputs(project: Clone, names: list[str]) -> dict[str, bytes]:
    return {name: (project.folder / name).read_bytes() for name in names}


def check_that_it_goes_on(project: Clone, stage: str, names: list[str], another_cache: Path) -> None:
    """Kill the stage, run it again, and compare with a run from an empty cache."""
    records = kill_after_a_record(project, stage)
    assert 1 <= records < 3
    assert not any((project.folder / name).exists() for name in names)
    project.run(sys.executable, "-m", f"stages.{stage}")
    resumed = outputs(project, names)
    project.environment["LABELMINT_CACHE"] = str(another_cache)
    project.run(sys.executable, "-m", f"stages.{stage}")
    assert outputs(project, names) == resumed


def test_generate_goes_on_where_it_was_killed(prepared, tmp_path):
    names = ["data/synthetic/candidates.jsonl", "data/synthetic/prompts.jsonl"]
    check_that_it_goes_on(prepared, "generate", names, tmp_path / "another")


def test_filter_goes_on_where_it_was_killed(prepared, tmp_path):
    # Candidates made of real sentences: the reader needs three chunks of 256.
    pool = (prepared.folder / "data/real/pool.jsonl").read_text().splitlines()[:600]
    rows = []
    for number, line in enumerate(pool):
        row = json.loads(line)
        own = {"id": f"s{number:06d}", "prompt_id": "p", "demonstration_ids": [], "seed": 1, "tokens": 9}
        rows.append(
            {
                "text": " ".join(row["text"].split()[:12]),
                "label": row["label"],
                **own,
                "finish_reason": "stop",
            }
        )
    candidates = prepared.folder / "data/synthetic/candidates.jsonl"
    candidates.parent.mkdir(parents=True, exist_ok=True)
    candidates.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (candidates.parent / "more.jsonl").touch()
    names = [f"data/synthetic/{name}.jsonl" for name in ("kept", "rejected")]
    names += ["data/arms/synthetic.jsonl", "data/arms/mixed.jsonl", "metrics/filter.json"]
    check_that_it_goes_on(prepared, "filter", names, tmp_path / "another")
