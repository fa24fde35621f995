"""Whether dvc.lock records the results with today's settings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labelmint.core import paths
from labelmint.core.config import read_yaml
from labelmint.core.errors import DataError
from labelmint.core.params import PARAMS_PATH

LOCK = Path("dvc.lock")


def check_recorded(arm: str) -> bool:
    """Return whether dvc.lock records the results; a card must not describe other settings than theirs.

    Raises
    ------
    DataError
        If params.yaml, or a result, has changed since the run.
    """
    if not LOCK.is_file():
        return False
    recorded, today = read_yaml(LOCK).get("stages", {}), read_yaml(PARAMS_PATH)
    for name in ("prepare", "generate", "top_up", "filter", "label", "arms", f"train@{arm}", "evaluate"):
        for key, value in recorded.get(name, {}).get("params", {}).get(str(PARAMS_PATH), {}).items():
            # Of the arms only this one matters here.
            if key != "arms" and _at(today, key) != value:
                raise DataError(
                    f"params.yaml: {key} is not what {name} ran with; run `dvc repro`, or undo the change"
                )
    outs = {out["path"]: out.get("md5") for stage in recorded.values() for out in stage.get("outs", [])}
    metrics = [paths.METRICS / name for name in ("filter.json", f"train/{arm}.json", "evaluate.json")]
    results = [path for path in (paths.KEPT, *metrics) if path.is_file()]
    for path in results:
        if str(path) in outs and _md5(path) != outs[str(path)]:
            raise DataError(
                f"{path}: not what dvc.lock records; run `dvc repro`, or `dvc commit` if it is right"
            )
    return all(str(path) in outs for path in results)


def _at(content: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        content = content.get(part) if isinstance(content, Mapping) else None
    return content


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
