import subprocess

from labelmint.core.git import current_commit


def git(*arguments):
    done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


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
