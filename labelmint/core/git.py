"""The commit that results were made with."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

# What a run itself writes into git; a change of it makes no other run.
_RESULTS = ("metrics/", "dvc.lock")


@dataclass(frozen=True)
class Commit:
    """A commit, and whether code or settings differ from it."""

    commit: str
    dirty: bool


def current_commit() -> Commit | None:
    """Return the commit of the working directory; None outside git."""
    commit, changes = _run("rev-parse", "HEAD"), _run("status", "--porcelain")
    if commit is None or changes is None:
        return None
    changed = [line[3:].strip('"') for line in changes.splitlines()]
    return Commit(commit.strip(), any(not name.startswith(_RESULTS) for name in changed))


def _run(*command: str) -> str | None:
    try:
        done = subprocess.run(["git", *command], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
