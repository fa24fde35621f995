import os
import signal
import subprocess
import sys

import pytest

from labelmint.core.errors import DataError, LabelmintError, run_stage
from labelmint.core.records import write_rows
from tests.builders import REPOSITORY

NO_MEMORY = "not enough memory; close other programs, or choose smaller models in params.yaml"

NO_SPACE = "free some space and run it again"


@pytest.fixture(autouse=True)
def _argv_and_sigterm(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stage"])
    # Without a handler of the stage's own, the test shall fail and not end.
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.fail("no handler"))
    yield
    signal.signal(signal.SIGTERM, before)


def status_of(main, name="prepare"):
    with pytest.raises(SystemExit) as caught:
        run_stage(name, main)
    return caught.value.code


def raising(error):
    def main():
        """Do nothing but fail."""
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (LabelmintError("a.yaml: key b: mend it"), "a.yaml: key b: mend it"),
        (PermissionError(13, "Denied", "data/x"), "[Errno 13] Denied: 'data/x'"),
        (OSError(28, "No space", "data/x"), f"[Errno 28] No space: 'data/x'; {NO_SPACE}"),
        (MemoryError(), NO_MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), NO_MEMORY),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), NO_MEMORY),
        (DataError("a.csv: has a\nb, c\r\nd\u2028e"), "a.csv: has a b, c d e"),
    ],
)
def test_an_expected_error_is_one_line_and_status_1(capsys, error, line):
    assert status_of(raising(error)) == 1
    assert capsys.readouterr() == ("", f"prepare: error: {line}\n")


def test_ctrl_c_is_status_130(capsys):
    assert status_of(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "\nprepare: stopped; what was finished is kept, run it again to go on\n"


def test_sigterm_cleans_up_as_ctrl_c_does(capsys, tmp_path):
    def rows():
        yield {"text": "first"}
        os.kill(os.getpid(), signal.SIGTERM)
        yield {"text": "never"}

    assert status_of(lambda: write_rows(tmp_path / "rows.jsonl", rows())) == 143
    assert "stopped" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


COMMAND = """
import os, sys
from labelmint.core.errors import one_line_errors
with one_line_errors("show"):
    print("café 日本" + "x" * 100_000)
    print("é", file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("shell", "status", "output"),
    [
        ("PYTHONIOENCODING=ascii {} | cat", "0", r"caf\xe9 \u65e5\u672cxxx"),
        ("PYTHONIOENCODING=latin-1 {} | iconv -f latin1 -t utf8", "0", r"café \u65e5\u672cxxx"),
        ("{} | true", "0", ""),  # a reader that goes away
        ("{} 2>&- >&-", "0", ""),
        ("{} >/dev/full", "1", ""),
    ],
)
def test_any_terminal_or_none_will_do(shell, status, output):
    command = shell.format(f"{sys.executable} -c '{COMMAND}' 2>errors")
    done = subprocess.run(
        ["bash", "-c", f"cd $(mktemp -d); {command}; echo ${{PIPESTATUS[0]}}; cat errors >&2"],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=False,
    )
    *lines, last = done.stdout.splitlines()
    assert last == status
    assert "".join(lines).startswith(output)
    assert "Traceback" not in done.stderr
    assert "ignored" not in done.stderr
    assert done.stderr.count("\n") <= 2


@pytest.mark.parametrize("error", [ZeroDivisionError, RuntimeError])
def test_a_bug_keeps_its_traceback(error):
    with pytest.raises(error):
        run_stage("prepare", raising(error()))


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_debug_shows_the_traceback_too(capsys, monkeypatch, how):
    if how == "flag":
        monkeypatch.setattr(sys, "argv", ["stage", "--debug"])
    else:
        monkeypatch.setenv("LABELMINT_DEBUG", "1")
    assert status_of(raising(DataError("too few rows"))) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "prepare: error: too few rows"


def test_a_main_that_succeeds_says_nothing(capsys):
    run_stage("prepare", lambda: None)
    assert capsys.readouterr() == ("", "")


def test_an_unknown_argument_is_status_2(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stage", "--dbug"])
    assert status_of(lambda: None) == 2
    assert "unrecognized arguments: --dbug" in capsys.readouterr().err


IMPORTING = """
from labelmint.core.errors import stop_at_once
stop_at_once("describe")
raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")
"""


def test_a_full_disk_during_imports_is_one_line():
    command = [sys.executable, "-c", IMPORTING]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("describe: error: [Errno 2] No usable temporary directory found in ['/tmp']; is")


LATE = """
import atexit, os, signal
from labelmint.core.errors import stop_at_once
atexit.register(os.kill, os.getpid(), signal.SIGTERM)  # the last of all
stop_at_once("show")
"""


def test_a_signal_at_the_very_end_finds_nothing_to_stop():
    done = subprocess.run([sys.executable, "-c", LATE], cwd=REPOSITORY, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
