"""The commit that results were made with, and the files of other commits."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

from labelmint.core.errors import DataError

_SECONDS = 60


@dataclass(frozen=True)
class Commit:
    """A commit, and whether code or settings differ from it."""

    commit: str
    dirty: bool


def current_commit() -> Commit | None:
    """Return the commit of the working directory; None outside git."""
    try:
        commit = git("rev-parse", "HEAD").strip()
        # A change of what a run itself writes into git makes no other run.
        changes = git("status", "--porcelain", "--", ".", ":!metrics", ":!dvc.lock")
    except DataError:
        return None
    return Commit(commit, bool(changes))


def git(*command: str) -> str:
    """Run git and return its output; raise `DataError` with git's own words."""
    return git_bytes(*command).decode("utf-8", "replace")


def git_bytes(*command: str) -> bytes:
    """Run git as `git` does, for files' contents."""
    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", *command], capture_output=True, check=False, timeout=_SECONDS, env=environment
        )
    except FileNotFoundError:
        raise DataError("there is no program git; install it") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"git {command[0]}: {error}") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        said = lines[0] if lines else f"exit status {done.returncode}"
        # As for a repository of another owner: git config --global --add safe.directory …
        remedies = [line.strip() for line in lines[1:] if line.strip().startswith("git ")]
        raise DataError("; ".join([f"git {command[0]}: {said}", *remedies[:1]]))
    return done.stdout
