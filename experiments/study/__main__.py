"""Run the study: `python -m experiments.study`; about an hour and a half on 2 cores.

Reads params.yaml, the task cards and their rows; writes metrics/study/<task>-<part>.json and, from these,
docs/results/study.md. The grid is in grid.py. A stopped run resumes: texts and label scores are in the
cache, and parts whose file was made with the same settings are skipped. Delete a file to make it again.
`python -m experiments.study --page` writes the page alone.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from experiments import tables
from experiments.study import run
from experiments.study.grid import METHODS, TASKS, load_task, load_task_params, result_path, settings_of
from experiments.study.page import write_page
from labelmint.core.errors import run_command
from labelmint.core.records import read_json, write_json


def main(*, page_only: bool = False) -> None:
    """Run the parts that are missing or were made with other settings, and write the page."""
    if not page_only:
        for task in TASKS:
            for part in ("real", *METHODS):
                run_part(task, part)
    write_page()


def run_part(name: str, part: str) -> None:
    """Write a part's file, unless it is there with the same settings."""
    params = load_task_params(name, part)
    settings = settings_of(params, part)
    path = result_path(name, part)
    if (read_json(path) or {}).get("settings") == settings:
        return
    print(f"study: {name} {part}", file=sys.stderr)
    task = load_task(params)
    result: Mapping[str, Any] = run.real(task) if part == "real" else run.method(task)
    write_json(path, {**result, "settings": settings})


if __name__ == "__main__":
    run_command(tables.parser("study", main), "study", main)
