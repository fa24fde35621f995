"""The arms that have a trained classifier."""

from __future__ import annotations

from pathlib import Path

from labelmint.core import paths
from labelmint.core.errors import ModelError


def trained_model(arm: str) -> Path:
    """Return the folder of an arm's classifier; raise `ModelError` naming those that there are."""
    trained = sorted(file.parent.name for file in paths.CATALOG.parent.glob("*/config.json"))
    if arm in trained:
        return paths.model(arm)
    if (paths.model(arm) / "empty.jsonl").is_file():
        raise ModelError(f"{paths.model(arm)}: the data is too small for this arm, so it has no classifier")
    others = f", or name one of {', '.join(trained)}" if trained else ""
    raise ModelError(f"{paths.model(arm)}: no trained classifier; run `dvc repro train`{others}")
