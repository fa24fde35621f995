"""Break a small run at random moments, fill its disk, and see whether anything of it is lost.

With the real `dvc`, a stub for a language model and a tiny encoder.
Run by `python -m experiments.reliability`.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from experiments.reliability.project import STAGES, Project, stage_command
from experiments.reliability.server import stub_server

KILLS = 50
# Slow enough that a kill meets half-written waves.
_SECONDS_PER_ANSWER = 0.02
_SEED = 1
# A page is left, so that the first file begins to be written.
_FREE_BYTES = 4096
_DISK = "32m"
# Metrics of time differ from run to run, and so do the order by speed and the choice of a student as fast.
_TIMES = {"seconds", "tokens_per_s", "texts_per_s", "minutes", "points_per_minute", "speeds", "alternative"}
_ROWS = ("real", "synthetic", "labelled", "arms", "predictions")


def run_faults(folder: Path) -> dict[str, Any]:
    """Run all faults in an empty folder; return counts for metrics/reliability.json."""
    draw = random.Random(_SEED)
    # In the background of a shell Ctrl-C is ignored, also by what is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with stub_server(_SECONDS_PER_ANSWER) as url:
        whole, killed = (Project(folder / name / "project", url) for name in ("whole", "killed"))
        whole.make()
        killed.make()
        seconds = {stage: _timed(whole, *_repro(stage)) for stage in tqdm(STAGES, "uninterrupted")}
        expected = results(whole.folder)
        return {
            "kill": {**kill_stages(killed, seconds, draw), **_compare(killed, expected)},
            **{
                name: stop_stages(whole, number, draw)
                for name, number in (("sigint", signal.SIGINT), ("sigterm", signal.SIGTERM))
            },
            "disk_full": fill_disk(folder / "disk", url) if os.geteuid() == 0 else None,
        }


def kill_stages(project: Project, seconds: dict[str, float], draw: random.Random) -> dict[str, Any]:
    """Kill `dvc repro` of each stage with its children at random moments, then let the stage end."""
    kills: Counter[str] = Counter()
    broken = 0
    with tqdm(total=KILLS, desc="kill -9") as bar:
        for place, stage in enumerate(STAGES):
            wanted = KILLS * (place + 1) // len(STAGES) - KILLS * place // len(STAGES)
            while kills[stage] < wanted:
                # Half of them late, where outputs are written.
                moment = seconds[stage] * (draw.random() if kills[stage] % 2 else draw.uniform(0.6, 1))
                if _interrupted(project, [*_repro(stage), "-f"], signal.SIGKILL, moment)[0] == 0:
                    # It was faster: the cache had all, or the machine is less busy.
                    shutil.rmtree(project.environment["LABELMINT_CACHE"], ignore_errors=True)
                    seconds[stage] *= 0.9
                else:
                    kills[stage] += 1
                    broken += _remove_broken_lock(project)
                    bar.update()
            project.run(*_repro(stage))
    return {"kills": kills.total(), "stages": len(kills), "broken_locks": broken}


def _remove_broken_lock(project: Project) -> bool:
    """Do what the docs say where DVC was killed while it wrote dvc.lock; return whether it was."""
    output, _ = project.start(sys.executable, "-m", "dvc", "status").communicate()
    if not re.search(r"dvc\.lock' (is invalid|validation failed)", output):
        return False
    (project.folder / "dvc.lock").unlink()
    return True


def _compare(project: Project, expected: dict[str, str]) -> dict[str, Any]:
    """Return whether a last `dvc repro` runs nothing, and which results differ from a whole run's."""
    output = project.run(*_repro())
    found = results(project.folder)
    names = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    return {
        "results": len(expected),
        "different_results": names,
        "left_over_files": left_over(project.folder),
        "up_to_date": "Running stage" not in output,
    }


def stop_stages(project: Project, number: signal.Signals, draw: random.Random) -> dict[str, Any]:
    """Send each stage a signal at a random moment; it must end with one line and the signal's status."""
    sent, wrong = 0, []
    before = results(project.folder)
    for stage in tqdm(STAGES, number.name):
        seconds = _timed(project, *stage_command(stage))
        status, output = _interrupted(project, stage_command(stage), number, draw.uniform(0, 0.9) * seconds)
        if status == 0:  # it was faster
            continue
        sent += 1
        if status != 128 + number or "Traceback" in output or output.count("stopped") != 1:
            wrong.append({"stage": stage, "status": status, "output": output[-500:]})
    return {"sent": sent, "wrong": wrong, "outputs_changed": results(project.folder) != before}


def fill_disk(folder: Path, url: str) -> dict[str, Any]:
    """Run each stage again on a full disk, with its work in the cache and without; mounts it as root."""
    project = Project(folder / "project", url)
    ended, wrong = 0, []
    with _small_disk(folder):
        project.make()
        for stage in STAGES:
            project.run(*stage_command(stage))
        before = results(project.folder)
        _fill(folder / "filler")
        for stage in tqdm(STAGES, "disk full"):
            for fresh in ("", "1"):  # finished work is read from the cache, or written to it
                project.environment["LABELMINT_FRESH"] = fresh
                process = project.start(*stage_command(stage))
                output, _ = process.communicate()
                errors = [line for line in output.splitlines() if ": error: " in line]
                ended += 1
                if process.returncode != 1 or len(errors) != 1 or "Traceback" in output:
                    wrong.append({"stage": stage, "status": process.returncode, "output": output[-500:]})
        changed = results(project.folder) != before
    return {"runs": ended, "wrong": wrong, "outputs_changed": changed}


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _fill(file: Path) -> None:
    """Write zeros until all but a page is full."""
    free = shutil.disk_usage(file.parent).free - _FREE_BYTES
    file.write_bytes(bytes(max(0, free)))


def results(folder: Path) -> dict[str, str]:
    """Return a hash of each result of a run: rows, models, predictions, and metrics but for times."""
    files = [
        file
        for name in (*(f"data/{rows}" for rows in _ROWS), "models")
        for file in sorted((folder / name).rglob("*"))
        if file.is_file() and file.suffix != ".tmp" and file.name != ".gitignore"
    ]
    hashes = {str(file.relative_to(folder)): _hash(file.read_bytes()) for file in files}
    for file in sorted((folder / "metrics").rglob("*.json")):
        content = _without_times(json.loads(file.read_text(encoding="utf-8")))
        hashes[str(file.relative_to(folder))] = _hash(json.dumps(content).encode())
    return hashes


def left_over(folder: Path) -> list[str]:
    """Return the temporary files that killed stages left."""
    files = (file for part in ("data", "models", "metrics") for file in (folder / part).rglob("*.tmp"))
    return sorted(str(file.relative_to(folder)) for file in files)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _without_times(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _without_times(value) for key, value in content.items() if key not in _TIMES}
    return content


def _repro(stage: str = "") -> list[str]:
    """Return the command that runs one stage, or all, with DVC."""
    target = ["-s", stage.replace(" ", "@")] if stage else []
    return [sys.executable, "-m", "dvc", "repro", *target]


def _timed(project: Project, *command: str) -> float:
    begin = time.monotonic()
    project.run(*command)
    return time.monotonic() - begin


def wait_for_handlers(process: subprocess.Popen[str]) -> None:
    """Wait until a command handles SIGTERM, some 0.1 s after its start; on Linux alone."""
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None and status.exists():
        caught = re.search(r"SigCgt:\s*(\w+)", status.read_text(encoding="ascii"))
        if caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.01)


def _interrupted(project: Project, command: list[str], number: int, moment: float) -> tuple[int, str]:
    """Send a signal to a command's process group after so many seconds; return status and output."""
    process = project.start(*command)
    if number != signal.SIGKILL:
        wait_for_handlers(process)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, number)
    output, _ = process.communicate()
    return process.returncode, output
