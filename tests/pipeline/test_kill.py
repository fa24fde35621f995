"""Runs that are killed or stopped: what was finished is kept, and nothing is lost or doubled."""

import importlib
import multiprocessing
import os
import random
import signal
import sys
import threading
import time

import pytest

from experiments.reliability.faults import left_over, results, wait_for_handlers
from experiments.reliability.project import STAGES, Project
from experiments.reliability.server import stub_server

pytestmark = pytest.mark.slow

# The first ones: the others write as they do. `experiments.reliability` kills all of them, and often.
KILLED = STAGES[:8]
DVC = [sys.executable, "-m", "dvc"]
# Of a server that has imported the stages, each run is a copy: imports take seconds.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["torch", *(f"stages.{stage.split()[0]}" for stage in KILLED)])


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
        assert run(project, stage) == 0
    return project


def run(project, stage, operation=None):
    """Run a stage, and kill it at its n-th file operation if given; return its exit code."""
    arguments = (str(project.folder), project.environment, stage, operation)
    process = FORKS.Process(target=in_process, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def in_process(folder, environment, stage, operation):
    """Run a stage here; kill this process as it opens, renames or removes a file for the n-th time."""
    os.chdir(folder)
    os.environ.update(environment)
    module, *arguments = stage.split()
    main = importlib.import_module(f"stages.{module}").main
    left = operation

    def watch(event, arguments):
        nonlocal left
        writes = event == "open" and (arguments[2] or 0) & 3
        if writes or event in ("os.rename", "os.remove", "sqlite3.connect"):
            left -= "__pycache__" not in str(arguments[0])
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    if operation is not None:
        sys.addaudithook(watch)
    main(*arguments)


def test_stages_killed_at_any_moment_come_out_the_same(whole, tmp_path, url):
    project = Project(tmp_path / "project", url)
    project.make()
    draw = random.Random(3)
    for stage in KILLED:
        while (code := run(project, stage, draw.randrange(25))) != -signal.SIGKILL:
            assert code == 0  # it ended before
        assert run(project, stage) == 0
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


@pytest.mark.parametrize(
    ("command", "moment", "number", "status"),
    [
        ([sys.executable, "-m", "stages.generate"], "as it imports", signal.SIGINT, 130),
        ([sys.executable, "-m", "stages.generate"], "as it waits for the server", signal.SIGTERM, 143),
        (["labelmint", "preview"], "as it imports", signal.SIGTERM, 143),
        (["labelmint", "preview"], "as it waits for the server", signal.SIGINT, 130),
    ],
)
def test_a_stopped_command_says_one_line(whole, command, moment, number, status):
    asked = threading.Event()
    with stub_server(60.0, asked) as slow:
        whole.set_params({"llm.server.url": slow})  # another server: nothing of it is in the cache
        before = results(whole.folder)
        process = whole.start(*command)
        wait_for_handlers(process)
        if moment == "as it waits for the server":
            assert asked.wait(60)
        begin = time.monotonic()
        process.send_signal(number)
        output, _ = process.communicate()
        assert time.monotonic() - begin < 30  # the server's answer takes 60
    lines = [line for line in output.splitlines() if line and " texts" not in line]
    assert (process.returncode, len(lines)) == (status, 1), output
    assert "stopped" in lines[0]
    assert results(whole.folder) == before
