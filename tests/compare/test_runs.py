"""Revisions that are found, and those that can't be compared, each in one line."""

import json
import shutil
from pathlib import Path

import pytest

from labelmint import cli
from labelmint.compare.revisions import find
from labelmint.core.errors import DataError
from labelmint.core.records import read_json
from tests.builders import failure, git, write_card
from tests.compare.conftest import commit, compared, write_lock, write_run

HARD = list(range(60))


def experiment(name: str, commit_hash: str, parent: str = "0" * 40) -> None:
    """Keep a commit as DVC keeps an experiment."""
    git("update-ref", f"refs/exps/{parent[:2]}/{parent[2:]}/{name}", commit_hash)


def edit_json(path: str, **changes: object) -> None:
    content = read_json(Path(path))
    Path(path).write_text(json.dumps({**content, **changes}), encoding="utf-8")


def refused(base: str = "first", head: str = "workspace") -> str:
    return failure(compared, base, head)


def test_commits_branches_tags_experiments_and_the_workspace_are_found(repository):
    head = git("rev-parse", "HEAD")
    experiment("cooler", head)
    for name in ("main", "second", "HEAD", head, head[:9], "cooler"):
        assert find(name).commit == head
    assert find("workspace").title == "workspace"
    assert find("main").title == f"main ({head[:7]})"
    assert find("HEAD~1").read("no/such/file") is None
    experiment("cooler", git("rev-parse", "first"), "1" * 40)
    with pytest.raises(DataError, match="2 experiments have this name; say which: "):
        find("cooler")


def test_an_unknown_revision_is_one_line(repository):
    for name in ("nobody", "HEAD~99", "--output=x", "", "HEAD:params.yaml", "-", "@{u}"):
        assert "no commit, branch, tag or experiment here" in refused(name)
    assert "name the two commits of a range one after the other" in refused("first..second")


def test_in_a_fresh_clone_and_in_a_shallow_one(repository, tmp_path_factory, monkeypatch, capsys):
    home = tmp_path_factory.mktemp("clones")
    git("clone", "-q", str(repository), str(home / "whole"))
    git("clone", "-q", "--depth", "1", f"file://{repository}", str(home / "shallow"))
    monkeypatch.chdir(home / "whole")
    cli.main(["compare", "first"])
    assert "workspace" in capsys.readouterr().out.splitlines()[0]
    git("checkout", "-q", "--detach")
    git("branch", "-q", "-D", "main")
    assert "did you mean origin/main?" in refused("main")
    monkeypatch.chdir(home / "shallow")
    assert "the clone is shallow; fetch all of it: git fetch --unshallow" in refused("HEAD~1")


def test_a_project_in_a_folder_of_a_larger_repository(repository, tmp_path_factory, monkeypatch):
    larger = tmp_path_factory.mktemp("larger")
    shutil.copytree(repository, larger / "part of/it", ignore=shutil.ignore_patterns(".git"))
    monkeypatch.chdir(larger)
    git("init", "-q", "-b", "main")
    commit("All")
    monkeypatch.chdir(larger / "part of/it")
    assert compared("main").tables


def test_outside_git_there_is_nothing_to_compare_with(project):
    assert "not a git repository" in refused("HEAD")


def test_another_task_and_other_labels_are_refused(repository, set_params):
    write_card(repository, "other")
    set_params({"task": "other"})
    write_run({"real": HARD})
    assert refused().endswith("is of task tiny, and workspace of other: not comparable")
    set_params({"task": "tiny"})
    write_run({"real": HARD})
    path = Path("metrics/evaluate.json")
    path.write_text(path.read_text(encoding="utf-8").replace('"negative"', '"angry"'), encoding="utf-8")
    assert "have other labels (angry, negative): not comparable" in refused()


EVALUATE, ANSWERS = "metrics/evaluate.json", "metrics/predictions.json"
WRONG = [
    (EVALUATE, {"schema_version": 99}, "have schema version 99, and this labelmint reads"),
    (EVALUATE, {"arms": [1]}, "is of a version that can't be compared: it has no `arms`"),
    (EVALUATE, {"arms": {"real": None}}, "is of a version that can't be compared: it has no `arms`"),
    (EVALUATE, {"arms": {"real": {}, "mixed": {}, "real_40": {}}}, "are of different runs"),
    (EVALUATE, {"task": "imdb"}, "evaluate.json is of task imdb, and params.yaml says tiny"),
    (ANSWERS, {"task": "imdb"}, "predictions.json and evaluate.json are of different runs"),
    (ANSWERS, {"arms": {}}, "predictions.json and evaluate.json are of different runs"),
    (ANSWERS, {"truth": "01"}, "predictions.json: real has not one answer per test row"),
    (ANSWERS, {"truth": "0x"}, "metrics/predictions.json: invalid literal"),
    (ANSWERS, {"labels": None}, "metrics/predictions.json: "),
]


def test_results_of_another_version_or_of_mixed_runs_are_refused(repository):
    for path, changes, message in WRONG:
        edit_json(path, **changes)
        assert message in refused()
        git("checkout", "-q", "--", path)


def test_metrics_that_are_missing_or_damaged_are_named(repository):
    path = Path("metrics/evaluate.json")
    path.write_text("<<<<<<< HEAD\n{}", encoding="utf-8")
    assert "workspace: metrics/evaluate.json: not valid JSON" in refused()
    path.unlink()
    assert refused() == "workspace: no metrics/evaluate.json there; run `dvc repro`"
    bare = commit("No metrics")
    assert "commit params.yaml, dvc.lock and metrics/ together" in refused(bare, "first")


def test_an_unfinished_run_is_never_shown_as_this_one(repository, set_params):
    set_params({"generate.temperature": 0.5})
    message = "params.yaml: generate.temperature is not what generate ran with; run `dvc repro`"
    assert refused().endswith(message)
    stale = commit("Settings without their run")
    assert "generate.temperature is not what generate ran with; `git log -1 --format=%h" in refused(stale)
    assert compared(git("log", "-1", "--format=%h", stale, "--", "metrics/evaluate.json"), "first").tables
    git("reset", "-q", "--hard", "second")
    # generate has run anew, and evaluate has not.
    edit_json("metrics/generate.json", tokens=5)
    content = read_json(Path("dvc.lock"))["stages"]
    write_lock(evaluate=content["evaluate"])
    assert "metrics/generate.json is not what evaluate ran with" in refused()


def test_the_command_prints_text_or_markdown_or_one_line(repository, capsys):
    cli.main(["compare", "first", "second", "--format", "markdown"])
    out = capsys.readouterr().out
    assert out.startswith("### tiny: first (")
    assert "| mixed | 70.0" in out
    with pytest.raises(SystemExit) as caught:
        cli.main(["compare", "nobody"])
    assert (caught.value.code, len(capsys.readouterr().err.splitlines())) == (1, 1)
