"""Runs that are killed or stopped: what was finished is kept, and nothing is lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import pytest

from experiments.reliability.faults import left_over, results, wait_for_handlers
from experiments.reliability.project import STAGES, Project, stage_command
from experiments.reliability.server import stub_server

pytestmark = pytest.mark.slow

KILLS = 8
# The first ones: the others write as they do.
KILLED = STAGES[:8]
DVC = [sys.executable, "-m", "dvc"]
# Runs a module that kills itself as it opens, renames or removes a file for the n-th time after its imports.
KILL_AT = """
import os, runpy, signal, sys
left, module = int(sys.argv.pop(1)), sys.argv.pop(1)
def watch(event, arguments):
    global left
    writes = event == "open" and (arguments[2] or 0) & 3
    if writes or event in ("os.rename", "os.remove", "sqlite3.connect"):
        left -= "__pycache__" not in str(arguments[0])
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def url():
    with stub_server(0.01) as address:
        yield address


@pytest.fixture(scope="module")
def whole(tmp_path_factory, url):
    """Run the stages without a fault."""
    project = Project(tmp_path_factory.mktemp("whole") / "project", url)
    project.make()
    for stage in KILLED:
        project.run(*stage_command(stage))
    return project


def run_until_killed(project, stage, operation):
    """Run a stage and kill it at a file operation; return whether it lived so long."""
    module, *arguments = stage_command(stage)[2:]
    process = project.start(sys.executable, "-c", KILL_AT, str(operation), module, *arguments)
    output, _ = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), output
    return process.returncode != 0


def test_stages_killed_at_any_moment_come_out_the_same(whole, tmp_path, url):
    project = Project(tmp_path / "project", url)
    project.make()
    draw, kills = random.Random(3), 0
    for place, stage in enumerate(KILLED):
        wanted = KILLS * (place + 1) // len(KILLED)
        while kills < wanted:
            kills += run_until_killed(project, stage, draw.randrange(25))
        project.run(*stage_command(stage))
    assert results(project.folder) == results(whole.folder)


def test_dvc_killed_with_its_stage_runs_again_and_warns_of_no_empty_file(whole, tmp_path, url):
    project = Project(tmp_path / "project", url)
    project.make()
    project.run(*DVC, "repro", "-s", "prepare")
    process = project.start(*DVC, "repro", "-s", "generate")
    cache = tmp_path / "cache/finished_work.sqlite"
    while process.poll() is None and not cache.exists():
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    output = project.run(*DVC, "repro", "-s", "generate")
    assert "Running stage 'generate'" in output
    assert "is empty" not in output  # ideas.jsonl, of which DVC would warn at each run
    expected = results(whole.folder)
    assert all(expected[name] == content for name, content in results(project.folder).items())
    assert left_over(project.folder) == []
    for name in (".DS_Store", ".cache.py.swp", "cache.py~"):  # what editors and file managers leave
        project.write(f"labelmint/core/{name}", "x")
    assert "up to date" in project.run(*DVC, "status", "prepare", "generate")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("seconds", [0.0, 2.5])  # importing, and waiting for the server
@pytest.mark.parametrize("command", [[sys.executable, "-m", "stages.generate"], ["labelmint", "preview"]])
def test_a_stopped_command_says_one_line(whole, number, status, seconds, command):
    with stub_server(1.0) as slow:
        whole.set_params({"llm.server.url": slow})  # another server: nothing of it is in the cache
        before = results(whole.folder)
        process = whole.start(*command)
        wait_for_handlers(process)
        time.sleep(seconds)
        process.send_signal(number)
        output, _ = process.communicate()
    lines = [line for line in output.splitlines() if line and " texts" not in line]
    assert (process.returncode, len(lines)) == (status, 1), output
    assert "stopped" in lines[0]
    assert results(whole.folder) == before
