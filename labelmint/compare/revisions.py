"""Find a commit or experiment by its name, and read its files from git."""

from __future__ import annotations

import re
from dataclasses import dataclass

from labelmint.core.errors import DataError
from labelmint.core.git import git, git_bytes
from labelmint.core.lock import read_file

WORKSPACE = "workspace"
# `dvc exp run` keeps an experiment as the ref refs/exps/<its parent's hash, cut in two>/<name>.
_EXPERIMENT = re.compile(r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/(.+)")


@dataclass(frozen=True)
class Revision:
    """A commit, or the files as they are; `commit` is then empty."""

    name: str
    commit: str = ""

    @property
    def title(self) -> str:
        """Return the name, with the commit's short hash."""
        short = self.commit[:7]
        return self.name if not short or self.name.startswith(short) else f"{self.name} ({short})"

    def read(self, path: str) -> bytes | None:
        """Return a file's content; None if the revision has no such file."""
        if not self.commit:
            return read_file(path)
        try:
            # From this folder, which may be part of a larger repository.
            return git_bytes("cat-file", "blob", f"{self.commit}:./{path}")
        except DataError:  # there is no such file
            return None


def find(name: str) -> Revision:
    """Return what a name stands for: the workspace, a commit as git knows it, or an experiment of DVC.

    Raise `DataError` if it is none of them, or more than one experiment.
    """
    if name == WORKSPACE:
        return Revision(WORKSPACE)
    git("rev-parse", "--git-dir")
    commit = _commit(name)
    if commit:
        return Revision(name, commit)
    refs = git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").splitlines()
    experiments = [
        commit
        for ref, commit in map(str.split, refs)
        if (match := _EXPERIMENT.fullmatch(ref)) and match[1] == name
    ]
    if len(set(experiments)) > 1:
        raise DataError(
            f"{name}: {len(experiments)} experiments have this name; say which: {', '.join(experiments)}"
        )
    if not experiments:
        raise DataError(_unknown(name))
    return Revision(name, experiments[0])


def _commit(name: str) -> str:
    try:
        return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").strip()
    except DataError:
        return ""


def _unknown(name: str) -> str:
    line = f"{name}: no commit, branch, tag or experiment here"
    if ".." in name:
        return f"{line}; name the two commits of a range one after the other"
    if git("rev-parse", "--is-shallow-repository").strip() == "true":
        return f"{line}, and the clone is shallow; fetch all of it: git fetch --unshallow"
    remotes = git("remote").split()
    branches = [f"{remote}/{name}" for remote in remotes if _commit(f"{remote}/{name}")]
    if branches:
        return f"{line}; did you mean {branches[0]}?"
    return f"{line}; `git log --oneline --all` and `dvc exp list --all` list them, `git fetch` gets new ones"
