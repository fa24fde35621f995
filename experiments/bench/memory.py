"""Peak memory of every stage, each run by its own command in a temporary copy of the project.

Settings are the shipped ones but for the amount of work: one wave of candidates, one arm, one seed, one
epoch, one draw of what the LLM is shown; none of them changes what is held at once. The texts' journal lies
in the copy, so that the wave is really written. Peaks count the mapped model file, as `ps` does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from labelmint.core import paths
from labelmint.core.cache import cache_dir
from labelmint.core.config import read_yaml
from labelmint.core.errors import LabelmintError
from labelmint.core.params import PARAMS_PATH, Params, load_params
from labelmint.core.progress import progress
from labelmint.core.records import Prediction, read_rows, write_json, write_rows
from labelmint.llm.catalog import load_entry, model_file

# A process inherits its parent's peak when it is started: this bare Python stands between a large parent
# (the benchmark) and the stage. The stage's own output goes to standard error.
_LAUNCHER = """
import os, sys
redirect = [(os.POSIX_SPAWN_DUP2, 2, 1)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=redirect)
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status) != 0)
"""
_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss
_STAGES = ("prepare", "generate", "filter", "train", "baselines", "evaluate")


class StageError(LabelmintError):
    """A stage failed in the copy of the project."""


def measure(params: Params) -> dict[str, Any]:
    """Run all stages once and return their peaks in MB (10⁶ bytes)."""
    arm = measured_arm(params)
    entry = load_entry(params.llm.model, ("base", "chat"), "llm.model")
    model_file(params.llm.model, entry)  # join the parts into the real cache, which the copy's links to
    result = {}
    with tempfile.TemporaryDirectory(prefix="labelmint-bench-") as name:
        folder = Path(name)
        copy_project(folder, arm)
        environment = _environment(folder)
        with progress(len(_STAGES), "bench memory", "stages") as bar:
            for stage in _STAGES:
                bar.set_postfix_str(stage)
                if stage == "filter":
                    write_rows(folder / paths.MORE, [])  # top_up is off by default
                if stage == "evaluate":
                    stand_in(folder, params, arm)
                extra = [arm] if stage == "train" else []
                command = [sys.executable, "-m", f"stages.{stage}", *extra]
                result[f"{stage}_peak_mb"] = peak_mb(command, folder, environment)
                bar.update()
    return result


def peak_mb(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    """Run a command and return the most memory that it, or a process of its own, held at once."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command],
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise StageError(f"{' '.join(command[1:])} failed: {lines[-1]}")
    return round(int(done.stdout) * _BYTES / 1e6, 1)


def measured_arm(params: Params) -> str:
    """Return the arm to train: the curve's largest one of at most 1,000 rows, or else its smallest."""
    fitting = [rows for rows in params.real.curve if rows <= 1000]
    return f"real_{fitting[-1] if fitting else params.real.curve[0]}"


def copy_project(folder: Path, arm: str) -> None:
    """Copy what the stages read, with less to do in params.yaml; link the model's file."""
    for source in (paths.TASKS, paths.GRAMMARS, paths.CATALOG, Path("data/raw")):
        target = folder / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.is_file():
            shutil.copy(source, target)
    content = shortened(read_yaml(PARAMS_PATH), arm)
    (folder / PARAMS_PATH).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    load_params(folder / PARAMS_PATH)
    models = cache_dir() / "models"
    models.mkdir(parents=True, exist_ok=True)
    (folder / "cache").mkdir()
    (folder / "cache/models").symlink_to(models.resolve(), target_is_directory=True)


def shortened(content: dict[str, Any], arm: str) -> dict[str, Any]:
    """Return params.yaml's content with one wave, one seed, one epoch and one draw."""
    generate, train = content["generate"], content["train"]
    wave = generate["samples_per_prompt"] * generate["prompts_per_wave"]
    return {
        **content,
        "arms": list(dict.fromkeys([*content["arms"], arm])),
        "generate": {**generate, "candidates": wave},
        "baselines": {**content["baselines"], "draws": 1},
        "train": {**train, "recipe": "fine_tune", "seeds": train["seeds"][:1], "epochs": 1, "min_steps": 0},
    }


def stand_in(folder: Path, params: Params, arm: str) -> None:
    """Give `evaluate` as much to read as a full run does: one arm's predictions for all arms and seeds."""
    rows: list[Prediction] = read_rows(folder / paths.predictions(arm))
    training = json.loads((folder / paths.METRICS / "train" / f"{arm}.json").read_text(encoding="utf-8"))
    for other in dict.fromkeys([*params.arms, arm]):
        every = [Prediction(**{**row, "seed": seed}) for seed in params.train.seeds_of(other) for row in rows]
        write_rows(folder / paths.predictions(other), every)
        count = len(read_rows(folder / paths.arm_rows(other)))
        write_json(folder / paths.METRICS / "train" / f"{other}.json", {**training, "train_rows": count})


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(Path.cwd()),  # the stages' code; `python -m` needs it in another folder
        "LABELMINT_CACHE": str(folder / "cache"),
        "HF_HUB_OFFLINE": "1",
    }
