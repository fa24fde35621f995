"""The command line: help, one-line errors and exit statuses; commands are tested with the library."""

import subprocess
import sys

import pytest

from labelmint import cli
from labelmint.core.cache import Cache

COMMANDS = ["preview", "check", "tune", "next", "predict", "export", "verdict", "compare", "cache", "models"]


def run(capsys, *arguments):
    """Run a command; return its exit status, output and errors."""
    try:
        cli.main(arguments)
        status = 0
    except SystemExit as error:
        status = error.code
    return status, *capsys.readouterr()


@pytest.mark.parametrize("command", COMMANDS)
def test_help(capsys, command):
    status, out, _ = run(capsys, command, "--help")
    assert status == 0
    assert f"usage: labelmint {command}" in out
    assert command in run(capsys, "--help")[1]


def test_help_needs_no_heavy_library():
    heavy = "torch", "transformers", "datasets", "llama_cpp", "pyarrow", "pydantic", "sklearn"
    code = f"import sys, labelmint.cli; labelmint.cli.parser(); print({{*sys.modules}} & {{*{heavy}}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "--input", "none.txt"], "metrics/evaluate.json: no run was scored here; run `dvc"),
        (["predict", "--arm", "mixed"], "models/mixed: no trained student; run `dvc repro`"),
        (["export", "--arm", "none"], "params.yaml: arms: no arm 'none'"),
        (["export", "--arm", ""], "params.yaml: arms: no arm ''"),
        (["verdict"], "metrics/evaluate.json: no such file; run `dvc repro`"),
        (["next"], "data/labelled/kept.jsonl: no such file; run `dvc repro`"),
        (["preview"], "data/real/train.jsonl: no such file; run `dvc repro`"),
        (["tune"], "data/real/train.jsonl: no such file; run `dvc repro prepare`"),
        (["models", "pin", "none"], "data/models.yaml: no model 'none'"),
    ],
)
def test_an_error_is_one_line_and_a_traceback_only_with_debug(project, capsys, arguments, message):
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (1, "")
    assert err.startswith(f"labelmint {arguments[0]}: error: {message}")
    assert len(err.splitlines()) == 1
    for with_debug in (["--debug", *arguments], [arguments[0], "--debug", *arguments[1:]]):
        status, _, err = run(capsys, *with_debug)
        assert status == 1
        assert "Traceback" in err


def test_ctrl_c_is_no_traceback(capsys, monkeypatch):
    def stop():
        raise KeyboardInterrupt

    monkeypatch.setattr("labelmint.report.verdict.print_verdict", stop)
    assert run(capsys, "verdict") == (130, "", "\nlabelmint verdict: stopped\n")


def test_models_are_listed(project, capsys):
    status, out, _ = run(capsys, "models", "list")
    assert status == 0
    assert "gemma-3-270m" in out


def test_the_cache_is_shown_and_cleared(capsys):
    cache = Cache("label_scores", {"model": "m"})
    cache.add("a", 1)
    assert "label_scores" in run(capsys, "cache")[1]
    status, _, err = run(capsys, "cache", "clear", "waves")
    assert status == 1
    assert err.endswith("finished_work.sqlite: nothing of the kind 'waves'; its kinds are label_scores\n")
    assert run(capsys, "cache", "clear", "label_scores") == (0, "deleted 1 entries\n", "")
    assert "nothing of the kind 'waves'; it is empty" in run(capsys, "cache", "clear", "waves")[2]
    cache.add("a", 1)
    assert run(capsys, "cache", "clear") == (0, "deleted 1 entries\n", "")
    assert "label_scores" not in run(capsys, "cache")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such"],
        ["models"],
        ["predict", "--format", "pdf"],
        ["next", "--rows", "0"],
        ["tune", "--candidates", "x"],
    ],
)
def test_a_wrong_command_is_a_usage_error(capsys, arguments):
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert "usage: labelmint" in err
