"""Peak memory of the stages, each run by its command in a temporary copy of the project.

Settings are those of params.yaml but for the amount of work: one wave of candidates, one arm, one seed, one
epoch; none of them changes what is held at once. The texts' cache is in the copy, so that the wave is really
written. Peaks count the mapped model file, as `ps` does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from experiments.bench.timing import real_rows
from labelmint.core import paths
from labelmint.core.cache import cache_dir
from labelmint.core.errors import LabelmintError
from labelmint.core.params import PARAMS_PATH, Arm, Params, load_params
from labelmint.core.progress import progress
from labelmint.core.records import write_rows
from labelmint.llm.catalog import load_entry, model_file

# A process inherits its parent's peak when it is started: this bare Python stands between a large parent
# (the benchmark) and the stage. The stage's output goes to standard error.
_LAUNCHER = """
import os, sys
redirect = [(os.POSIX_SPAWN_DUP2, 2, 1)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=redirect)
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status) != 0)
"""
_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss
_STAGES = ("prepare", "generate", "filter", "arms", "train", "evaluate")
_ARM_ROWS = 1000


class StageError(LabelmintError):
    """A stage failed in the copy of the project."""


def measure(params: Params, *, quick: bool) -> dict[str, Any]:
    """Run the stages once, `quick` or not, and return their peaks in MB (10⁶ bytes)."""
    entry = load_entry(params.llm.model, ("base", "chat"), "llm.model")
    model_file(params.llm.model, entry)  # join the parts into the real cache, which the copy's links to
    _, parts = real_rows(params)
    result = {}
    with tempfile.TemporaryDirectory(prefix="labelmint-bench-") as name:
        folder = Path(name)
        copy_project(folder, params, min(_ARM_ROWS, len(parts.train) + len(parts.pool)))
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path.cwd()),  # the stages' code; `python -m` needs it in another folder
            "LABELMINT_CACHE": str(folder / "cache"),
            "HF_HUB_OFFLINE": "1",
        }
        with progress(len(_STAGES), "bench memory", "stages") as bar:
            for stage in _STAGES:
                bar.set_postfix_str(stage)
                arm = ["real"] if stage == "train" else []
                command = [sys.executable, "-m", f"stages.{stage}", *arm]
                result[f"{stage}_peak_mb"] = peak_mb(command, folder, environment)
                bar.update()
    return result


def peak_mb(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    """Run a command and return the most memory that it, or a process that it started, held at once."""
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


def copy_project(folder: Path, params: Params, rows: int) -> None:
    """Copy what the stages read, with less to do in params.yaml; link the models' files."""
    for source in (paths.TASKS, paths.CATALOG, paths.RAW):
        target = folder / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.is_file():
            shutil.copy(source, target)
    content = yaml.safe_dump(shortened(params, rows).model_dump(mode="json"), sort_keys=False)
    (folder / PARAMS_PATH).write_text(content, encoding="utf-8")
    load_params(folder / PARAMS_PATH)
    write_rows(folder / paths.TOP_UP_CANDIDATES, [])
    models = cache_dir() / "models"
    models.mkdir(parents=True, exist_ok=True)
    (folder / "cache").mkdir()
    (folder / "cache/models").symlink_to(models.resolve(), target_is_directory=True)


def shortened(params: Params, rows: int) -> Params:
    """Return the settings with one wave, one fine-tuned arm, one seed and one epoch."""
    generate, train = params.generate, params.train
    wave = generate.samples_per_prompt * generate.prompts_per_wave
    return params.model_copy(
        update={
            "arms": {"real": Arm(real=rows, student="fine_tune")},
            "generate": generate.model_copy(update={"candidates": wave}),
            "train": train.model_copy(update={"seeds": train.seeds[:1], "epochs": 1}),
        }
    )
