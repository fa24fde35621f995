"""What the run cost, and what it was made of: code, settings, models, libraries."""

from __future__ import annotations

import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from labelmint.core import paths
from labelmint.core.config import read_yaml
from labelmint.core.params import PARAMS_PATH, Params
from labelmint.report.read import Inputs

LIBRARIES = ("llama-cpp-python", "torch", "transformers", "accelerate", "scikit-learn", "numpy", "dvc")
# What a run itself writes into git; a change of it makes no other run.
_RESULTS = ("metrics/", "dvc.lock")


def cost(inputs: Inputs) -> list[dict[str, Any]]:
    """Return seconds, tokens and speed by stage, as far as the stages measured them."""
    stages = {"generate": inputs.generate, "top_up": inputs.top_up, "filter": inputs.filter}
    stages |= {"label": inputs.label, **{f"train@{arm}": metrics for arm, metrics in inputs.train.items()}}
    stages |= {"describe": inputs.describe, "ablate": inputs.ablate}
    lines = []
    for stage, metrics in stages.items():
        units = (("tokens_per_s", "tokens/s"), ("rows_per_s", "rows/s"))
        speeds = [f"{metrics[key]:g} {unit}" for key, unit in units if metrics.get(key)]
        line = {"stage": stage, "seconds": metrics.get("seconds"), "tokens": metrics.get("tokens")}
        if line["seconds"] is not None or line["tokens"] is not None:
            lines.append({**line, "speed": next(iter(speeds), "")})
    return lines


def provenance(params: Params) -> dict[str, Any]:
    """Return the commit, the models with their hashes, the libraries' versions, and params.yaml as it is."""
    return {
        "git": _git(),
        "models": _models(params),
        "libraries": [(name, _version(name)) for name in LIBRARIES],
        "params": PARAMS_PATH.read_text(encoding="utf-8"),
    }


def _models(params: Params) -> list[dict[str, Any]]:
    catalog = read_yaml(paths.CATALOG) if paths.CATALOG.exists() else {}
    server = params.llm.server
    llm = (
        {"role": "Language model", "name": server.model or "the server’s only model", "at": server.url}
        if params.llm.backend == "server"
        else _entry("Language model", params.llm.model, catalog)
    )
    return [llm, _entry("Encoder", params.train.encoder, catalog)]


def _entry(role: str, name: str, catalog: Any) -> dict[str, Any]:
    entry = (catalog or {}).get(name) or {}
    return {"role": role, "name": name, **{key: entry.get(key) for key in ("sha256", "licence", "file")}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _git() -> dict[str, Any] | None:
    """Return the commit and whether code or settings differ from it; None without git."""
    commit, changes = _run("rev-parse", "HEAD"), _run("status", "--porcelain")
    if commit is None or changes is None:
        return None
    changed = [line[3:].strip('"') for line in changes.splitlines()]
    return {
        "commit": commit.strip(),
        "dirty": any(not name.startswith(_RESULTS) for name in changed),
    }


def _run(*command: str) -> str | None:
    try:
        done = subprocess.run(["git", *command], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
