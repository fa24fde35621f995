"""Where results come from: the git commit, and whether dvc.lock records them with today's settings."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelmint.core import paths
from labelmint.core.config import read_yaml
from labelmint.core.errors import DataError
from labelmint.core.params import PARAMS_PATH

LOCK = Path("dvc.lock")


@dataclass(frozen=True)
class Provenance:
    """The commit ("" outside git), whether tracked files differ from it, whether DVC recorded the run."""

    commit: str
    changed: bool
    recorded: bool


def provenance(arm: str) -> Provenance:
    """Return where the results come from; raise `DataError` if they aren't what DVC recorded."""
    commit = _git("rev-parse", "HEAD")
    changed = bool(commit and _git("status", "--porcelain", "--untracked-files=no"))
    return Provenance(commit, changed, check_recorded(arm))


def check_recorded(arm: str) -> bool:
    """Return whether dvc.lock records the results; a card must not describe other settings than theirs.

    Raises
    ------
    DataError
        If params.yaml, or a result, has changed since the run.
    """
    if not LOCK.is_file():
        return False
    recorded = read_yaml(LOCK).get("stages", {})
    today = read_yaml(PARAMS_PATH)
    for name in ("prepare", "generate", "top_up", "filter", "arms", f"train@{arm}", "evaluate"):
        for key, value in recorded.get(name, {}).get("params", {}).get(str(PARAMS_PATH), {}).items():
            # Of the arms only this one matters here.
            if key != "arms" and _at(today, key) != value:
                changed = next(_differences(key, value, _at(today, key)), key)
                raise DataError(
                    f"params.yaml: {changed} is not what {name} ran with; run `dvc repro`, or undo the change"
                )
    outs = {out["path"]: out.get("md5") for stage in recorded.values() for out in stage.get("outs", [])}
    results = (paths.KEPT, *metrics_of(arm))
    for path in results:
        if path.is_file() and str(path) in outs and _md5(path) != outs[str(path)]:
            raise DataError(
                f"{path}: not what dvc.lock records; run `dvc repro`, or `dvc commit` if it is right"
            )
    return all(str(path) in outs for path in results if path.is_file())


def metrics_of(arm: str) -> Sequence[Path]:
    """Return the metrics that cards are made of."""
    return [paths.METRICS / name for name in ("filter.json", f"train/{arm}.json", "evaluate.json")]


def _at(content: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        content = content.get(part) if isinstance(content, Mapping) else None
    return content


def _differences(key: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for part in [*old, *(key for key in new if key not in old)]:
            yield from _differences(f"{key}.{part}", old.get(part), new.get(part))
    elif old != new:
        yield key


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _git(*arguments: str) -> str:
    try:
        answer = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository
        return ""
    return answer.stdout.strip()
