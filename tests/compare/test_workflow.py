"""The example workflow experiment.yml: its commands are run, the pipeline replaced by a stub."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.builders import REPOSITORY, git
from tests.compare.conftest import commit

WORKFLOW = yaml.safe_load((REPOSITORY / ".github/workflows/experiment.yml").read_text(encoding="utf-8"))
JOB = WORKFLOW["jobs"]["compare"]
# `make repro QUICK=1 NAME=base`: a run is what is committed there, kept as DVC keeps an experiment.
MAKE = """#!/bin/bash
[ "$1 $2" = "repro QUICK=1" ] || exit 2
git update-ref "refs/exps/ab/$(printf %038d 0)/${3#NAME=}" "$(git rev-parse HEAD)"
"""
GH = """#!/bin/bash
case "$*" in
  "pr view 7 --json baseRefName --jq .baseRefName") echo main ;;
  "pr comment 7 --body-file comment.md") cp comment.md "$COMMENT" ;;
  *) exit 2 ;;
esac
"""


def test_it_is_off_until_asked_for_and_may_only_comment():
    events = WORKFLOW[True]  # YAML 1.1 reads `on` as true
    assert set(events) == {"workflow_dispatch", "pull_request"}
    assert "contains(github.event.pull_request.labels.*.name, 'experiment')" in JOB["if"]
    assert WORKFLOW["permissions"] == {"contents": "read", "pull-requests": "write"}


def test_no_expression_is_pasted_into_a_command():
    for step in JOB["steps"]:
        assert "${{" not in step.get("run", ""), "a pull request's own texts could run commands"


def test_its_targets_and_options_exist():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    commands = "\n".join(step.get("run", "") for step in JOB["steps"])
    for target in re.findall(r"make (\w+)", commands):
        assert re.search(rf"^{target}:", makefile, re.M)
    assert "quick.sh $(NAME)" in makefile
    assert "name=${1:-" in (REPOSITORY / "quick.sh").read_text(encoding="utf-8")


@pytest.mark.slow
def test_its_commands_post_the_comparison(repository, tmp_path_factory, monkeypatch):
    git("checkout", "-q", "-b", "feature", "second")
    head = commit("A pull request")
    git("update-ref", "refs/pull/7/head", head)
    git("branch", "-q", "-f", "main", "first")
    home = tmp_path_factory.mktemp("runner")
    clone, tools = home / "clone", home / "bin"
    git("clone", "-q", str(repository), str(clone))
    tools.mkdir()
    for name, script in (("make", MAKE), ("gh", GH)):
        (tools / name).write_text(script)
        (tools / name).chmod(0o755)
    (clone / ".venv").symlink_to(sys.prefix)
    variables = {
        "GITHUB_ENV": home / "env",
        "GITHUB_STEP_SUMMARY": home / "summary",
        "COMMENT": home / "comment",
    }
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PULL_REQUEST", "7")
    for name, path in variables.items():
        monkeypatch.setenv(name, str(path))
    for step in JOB["steps"]:
        if "run" in step:
            # As the runner does: `bash -e` per step, with what earlier steps wrote to GITHUB_ENV.
            written = variables["GITHUB_ENV"].read_text() if variables["GITHUB_ENV"].exists() else ""
            environment = {**os.environ, **dict(line.split("=", 1) for line in written.splitlines())}
            done = subprocess.run(
                ["bash", "-e", "-c", step["run"]], cwd=clone, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{step['name']}: {done.stderr}"
    comment = Path(variables["COMMENT"]).read_text(encoding="utf-8")
    assert comment.startswith("### tiny: base (")
    assert re.search(r"\| mixed \| 70\.0.*\| 76\.0.*\| yes \|", comment)
    assert variables["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8") == comment
