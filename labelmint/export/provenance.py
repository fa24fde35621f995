"""Whether dvc.lock records the results with today's settings."""

from __future__ import annotations

from pathlib import Path

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.lock import LOCK, contradiction, md5, outputs, read_file, read_lock, stages_of


def check_recorded(arm: str) -> bool:
    """Return whether dvc.lock records the results; a card must not describe other settings than theirs.

    Raises
    ------
    DataError
        If params.yaml, or a result, has changed since the run.
    """
    if not Path(LOCK).is_file():
        return False
    recorded = read_lock(read_file, stages_of([arm]))
    # Of the arms only this one matters here.
    problem = contradiction(read_file, recorded, ignored={"arms"})
    if problem:
        raise DataError(f"{problem}; run `dvc repro`, or undo the change")
    metrics = [paths.METRICS / name for name in ("filter.json", f"train/{arm}.json", "evaluate.json")]
    results = {str(path): path for path in (paths.KEPT, *metrics) if path.is_file()}
    recorded_hashes = outputs(recorded)
    for name, path in results.items():
        if name in recorded_hashes and md5(path.read_bytes()) != recorded_hashes[name]:
            raise DataError(
                f"{name}: not what dvc.lock records; run `dvc repro`, or `dvc commit` if it is right"
            )
    return all(name in recorded_hashes for name in results)
