"""What the run cost, and what it was made of: code, settings, models, libraries."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from labelmint.core import paths
from labelmint.core.config import read_yaml
from labelmint.core.git import current_commit
from labelmint.core.params import PARAMS_PATH, Params
from labelmint.report.read import Inputs

LIBRARIES = ("llama-cpp-python", "torch", "transformers", "accelerate", "scikit-learn", "numpy", "dvc")


def cost(inputs: Inputs) -> list[dict[str, Any]]:
    """Return seconds, tokens and speed of the stages that had something to do, as they measured them."""
    stages = {"generate": inputs.generate, "top_up": inputs.top_up, "filter": inputs.filter}
    stages |= {"label": inputs.label, **{f"train@{arm}": metrics for arm, metrics in inputs.train.items()}}
    stages |= {"describe": inputs.describe}
    lines = []
    for stage, metrics in stages.items():
        units = (("tokens_per_s", "tokens/s"), ("rows_per_s", "rows/s"))
        speeds = [f"{metrics[key]:g} {unit}" for key, unit in units if metrics.get(key)]
        line = {"stage": stage, "seconds": metrics.get("seconds"), "tokens": metrics.get("tokens")}
        if line["seconds"] or line["tokens"]:
            lines.append({**line, "speed": next(iter(speeds), "")})
    return lines


def provenance(params: Params) -> dict[str, Any]:
    """Return the commit, the models with their hashes, the libraries' versions, and params.yaml as it is."""
    return {
        "git": current_commit(),
        "models": _models(params),
        "libraries": [(name, version(name)) for name in LIBRARIES],
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
    return [llm, *(_entry("Encoder", name, catalog) for name in params.encoders())]


def _entry(role: str, name: str, catalog: Any) -> dict[str, Any]:
    entry = (catalog or {}).get(name) or {}
    return {"role": role, "name": name, **{key: entry.get(key) for key in ("sha256", "licence", "file")}}
