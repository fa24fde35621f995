import shutil

import pytest

from labelmint.core.errors import DataError
from labelmint.core.git import current_commit
from labelmint.core.git import git as checked_git
from tests.builders import REPOSITORY, git


def test_outside_git_there_is_no_commit(project):
    assert current_commit() is None


def test_a_run_changes_its_results_and_no_code(project):
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "All")
    (project / "metrics").mkdir()
    for name in ("metrics/evaluate.json", "dvc.lock"):
        (project / name).write_text("{}", encoding="utf-8")
    assert (current_commit().commit, current_commit().dirty) == (git("rev-parse", "HEAD"), False)
    (project / "new.py").write_text("", encoding="utf-8")
    assert current_commit().dirty


def test_a_project_in_a_folder_of_a_repository_is_looked_at_alone(project, monkeypatch):
    git("init", "-q")
    (project / "part/metrics").mkdir(parents=True)
    (project / "part/code.py").write_text("", encoding="utf-8")
    git("add", "-A")
    git("commit", "-qm", "All")
    monkeypatch.chdir(project / "part")
    for name in ("metrics/evaluate.json", "dvc.lock", "../elsewhere.py"):
        (project / "part" / name).write_text("{}", encoding="utf-8")
    assert not current_commit().dirty
    (project / "part/code.py").write_text("pass", encoding="utf-8")
    assert current_commit().dirty


def test_a_repository_of_another_owner_is_told_with_gits_remedy(project, monkeypatch):
    git("init", "-q")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(DataError, match=r"dubious ownership .*; git config --global --add safe.directory /"):
        checked_git("status")


def test_line_ends_are_those_that_dvc_lock_has_hashes_of(project):
    shutil.copy(REPOSITORY / ".gitattributes", project)
    git("init", "-q")
    git("config", "core.autocrlf", "true")
    for name, content in {"unix.csv": b"text\n", "windows.csv": b"text\r\n"}.items():
        (project / name).write_bytes(content)
        git("add", name)
        (project / name).unlink()
        git("checkout", "-q", name)
        assert (project / name).read_bytes() == content
