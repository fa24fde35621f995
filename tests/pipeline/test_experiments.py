"""Experiments as docs/howto/experiments.md shows them, run by the real `dvc` on the tiny configuration."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from labelmint.core.params import Params, load_params
from tests.builders import reviews, write_card
from tests.pipeline.conftest import Clone

pytestmark = pytest.mark.slow

SAMPLES = "evaluate.bootstrap_samples"


def setting(clone: Clone) -> Params:
    return load_params(clone.folder / "params.yaml")


def exp_run(clone: Clone, *arguments: str, **values: Any) -> str:
    """Run `dvc exp run -S key=value …`; dots in keys are written as two underscores."""
    pairs = [f"{key.replace('__', '.')}={value}" for key, value in values.items()]
    return clone.dvc("exp", "run", *(part for pair in pairs for part in ("-S", pair)), *arguments)


def committed(clone: Clone, name: str, file: str) -> str:
    """Return a file of a branch or an experiment."""
    refs = clone.run("git", "for-each-ref", "--format=%(refname)", "refs/heads", "refs/exps").split()
    (ref,) = (ref for ref in refs if ref.rsplit("/", 1)[-1] == name)
    return clone.run("git", "show", f"{ref}:{file}")


def scores(clone: Clone, name: str) -> dict[str, float]:
    """Return the accuracy of the arms of a branch or an experiment."""
    arms = json.loads(committed(clone, name, "metrics/evaluate.json"))["arms"]
    return {arm: values["accuracy"]["mean"] for arm, values in arms.items()}


def results(clone: Clone) -> int:
    """Return how much finished work of language models and encoders the cache holds."""
    file = Path(clone.environment["LABELMINT_CACHE"]) / "finished_work.sqlite"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT COUNT(*) FROM results").fetchone()[0])


def run_queue(clone: Clone, jobs: int) -> subprocess.Popen[str]:
    """Run all that is queued, so many at a time, and wait for the results; return the workers.

    These end ten seconds later, if nothing more is queued.
    """
    command = [sys.executable, "-m", "dvc", "queue", "start", "-j", str(jobs)]
    workers = subprocess.Popen(
        command, cwd=clone.folder, env=clone.environment, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 300
    while {"Queued", "Running"} & set((status := clone.dvc("queue", "status")).split()):
        assert time.monotonic() < deadline, status
        time.sleep(2)
    assert "Failed" not in status, status
    return workers


def test_numbers_lists_mappings_and_arms_can_be_set(clone):
    exp_run(
        clone,
        *("-S", "+arms.mixed_4={real: all, synthetic: 4}", "-S", "~arms.labelled", "prepare"),
        real__rows=30,
        generate__min_p="1e-5",
        train__seeds="[1,2]",
        class_balance="{negative: 0.7, positive: 0.3}",
        arms__mixed="{synthetic: 8}",  # joined with what the arm has
    )
    params = setting(clone)
    assert (params.real.rows, params.generate.min_p, params.train.seeds) == (30, 1e-5, [1, 2])
    assert params.class_balance == {"negative": 0.7, "positive": 0.3}
    assert list(params.arms) == ["real", "mixed", "mixed_4"]
    assert (params.arms["mixed"].real, params.arms["mixed"].synthetic) == ("all", 8)
    assert len((clone.folder / "data/real/train.jsonl").read_text().splitlines()) == 30


def test_a_key_that_is_not_there_is_named_and_nothing_runs(clone):
    done = clone.try_run("dvc", "exp", "run", "-S", "generate.temprature=0.8")
    assert done.returncode != 0
    assert "temprature" in done.stderr
    assert clone.run("git", "status", "--short") == ""


def test_a_run_in_a_copy_leaves_the_files_alone_and_uses_finished_work(clone):
    before = results(clone)
    exp_run(clone, "--temp", "-n", "surer", "label", labelling__min_margin=0.1)
    assert results(clone) == before > 0
    assert clone.run("git", "status", "--short") == ""
    assert "min_margin: 0.1" in committed(clone, "surer", "params.yaml")


def test_a_grid_runs_from_the_queue_and_each_experiment_becomes_what_one_wants(clone):
    exp_run(clone, "--queue", "evaluate", evaluate__bootstrap_samples="150,160")
    workers = run_queue(clone, jobs=2)
    assert clone.run("git", "status", "--short") == ""
    table = clone.dvc("exp", "show", "--only-changed", "--no-pager", "--csv")
    rows = list(csv.DictReader(io.StringIO(table[table.index("Experiment") :])))
    assert SAMPLES in rows[0], table
    assert "generate.top_k" not in rows[0]
    names = {row[SAMPLES]: row["Experiment"] for row in rows}
    first, second = names["150"], names["160"]
    compared = clone.run("labelmint", "compare", "main", first)
    assert "paired by row on the same 60 test rows" in compared
    assert SAMPLES in compared
    # Two at a time don't harm each other: each has the first run's scores.
    assert scores(clone, first) == scores(clone, second) == scores(clone, "main")
    clone.dvc("exp", "apply", first)
    assert setting(clone).evaluate.bootstrap_samples == 150
    assert clone.stages_run("repro", "evaluate") == []
    clone.dvc("exp", "branch", second, "kept")
    assert "bootstrap_samples: 160" in committed(clone, "kept", "params.yaml")
    clone.dvc("exp", "remove", first)
    assert set(clone.dvc("exp", "list", "--name-only").split()) & {first, second} == {second}
    workers.communicate()


def test_after_ctrl_c_edits_and_the_setting_are_there_and_it_can_be_run_again(clone):
    with (clone.folder / "README.md").open("a") as file:
        file.write("an edit\n")
    command = [sys.executable, "-m", "dvc", "exp", "run", "-S", f"{SAMPLES}=180", "evaluate"]
    with subprocess.Popen(
        command,
        cwd=clone.folder,
        env=clone.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout
        while "python -m stages.evaluate" not in (line := process.stdout.readline()):
            assert line
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        process.stdout.read()
    assert process.returncode != 0
    assert setting(clone).evaluate.bootstrap_samples == 180
    assert clone.run("git", "stash", "list") == ""
    clone.run(*command)
    assert (clone.folder / "README.md").read_text().endswith("an edit\n")


def test_a_task_that_git_does_not_know_is_named_in_a_copy_and_both_remedies_work(clone):
    write_card(clone.folder, "own")
    rows = [f"{row['text']},{row['label'][:3]}\n" for row in reviews({"negative": 80, "positive": 80})]
    (clone.folder / "data/raw/rows.csv").write_text("text,label\n" + "".join(rows))
    card, data = "data/tasks/own.yaml", "data/raw/rows.csv"
    run = ("dvc", "exp", "run", "--temp", "-S", "task=own")
    done = clone.try_run(*run, "prepare")
    assert done.returncode != 0
    assert card in done.stderr
    clone.run(*run, "--copy-paths", card, "--copy-paths", data, "prepare")
    clone.run("git", "add", card, data)
    clone.run(*run, "-S", "real.rows=20", "prepare")
