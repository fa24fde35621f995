"""Peak memory of the stages, each run by its command in a temporary copy of the project.

Settings are those of params.yaml but for the amount of work: one wave of candidates, no top-up, a few texts
to label, one arm, one seed, one epoch; none of them changes what is held at once. The texts' cache is in the
copy, so that the wave is really written. Peaks count the mapped model file, as `ps` does.
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

from labelmint.core import paths
from labelmint.core.cache import cache_dir
from labelmint.core.errors import LabelmintError
from labelmint.core.params import PARAMS_PATH, Params
from labelmint.core.progress import progress
from labelmint.core.records import read_rows, write_json
from labelmint.llm.catalog import load_entry
from labelmint.llm.catalog.files import model_file

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
_STAGES = ("prepare", "generate", "top_up", "filter", "label", "arms", "train", "evaluate")
_ARM_ROWS = 1000
_TEXTS = 64  # to label


def measure(params: Params) -> dict[str, Any]:
    """Run the stages once and return their peaks in MB (10⁶ bytes)."""
    # Join the model's parts into the real cache, which the copy's links to.
    model_file(params.llm.model, load_entry(params.llm.model, ("base", "chat"), "llm.model"))
    real_rows = len(read_rows(paths.REAL_TRAIN)) + len(read_rows(paths.REAL_POOL))
    peaks = {}
    with (
        tempfile.TemporaryDirectory(prefix="labelmint-bench-") as name,
        progress(len(_STAGES), "bench memory", "stages") as bar,
    ):
        folder = Path(name)
        copy_project(folder, params, min(_ARM_ROWS, real_rows))
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path.cwd()),  # the stages' code; `python -m` needs it in another folder
            "LABELMINT_CACHE": str(folder / "cache"),
            "HF_HUB_OFFLINE": "1",
        }
        for stage in _STAGES:
            command = [sys.executable, "-m", f"stages.{stage}", *(["real"] if stage == "train" else [])]
            peaks[f"{stage}_peak_mb"] = peak_mb(command, folder, environment)
            bar.update()
    return peaks


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
        raise LabelmintError(f"{' '.join(command[1:])} failed: {lines[-1]}")
    return round(int(done.stdout) * _BYTES / 1e6, 1)


def copy_project(folder: Path, params: Params, rows: int) -> None:
    """Copy what the stages read, with less to do in params.yaml; link the models' files."""
    shutil.copytree(paths.TASKS, folder / paths.TASKS)
    shutil.copy(paths.CATALOG, folder / paths.CATALOG)
    if paths.RAW.is_dir():
        shutil.copytree(paths.RAW, folder / paths.RAW)
    changes = {
        "arms": {"real": {"real": rows, "student": "fine_tune"}},
        "prepare.unlabelled_rows": _TEXTS,
        "generate.candidates": params.generate.samples_per_prompt * params.generate.prompts_per_wave,
        "filter.rows_per_label": 0,
        "train.seeds": params.train.seeds[:1],
        "train.epochs": 1,
    }
    # JSON is YAML.
    write_json(folder / PARAMS_PATH, params.changed(changes).model_dump(mode="json"))
    models = cache_dir() / "models"
    models.mkdir(parents=True, exist_ok=True)
    (folder / "cache").mkdir()
    (folder / "cache/models").symlink_to(models.resolve(), target_is_directory=True)
