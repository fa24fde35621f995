"""Run the study: `python -m experiments.study`; about an hour and a half on 2 cores.

Reads params.yaml, the task cards and their rows; writes metrics/study/<task>-<part>.json and, from these,
docs/results/study.md. A part is a prompt method, or `real`: the real rows alone. A stopped run resumes: texts
and label scores are in the cache, and parts whose file was made with the same settings are skipped. Delete a
file to make it again. `python -m experiments.study --page` writes the page alone.
"""

from __future__ import annotations

from experiments import tables
from experiments.engine import load_task
from experiments.grid import SYNTHETIC_ROWS, grid_params, renew
from experiments.study import run
from experiments.study.page import PARTS, TASKS, result_path, write_page
from labelmint.core.errors import run_command


def main(*, page_only: bool = False) -> None:
    """Run the parts that are missing or were made with other settings, and write the page."""
    if not page_only:
        for task in TASKS:
            for part in PARTS:
                run_part(task, part)
    write_page()


def run_part(name: str, part: str) -> None:
    """Write a part's file, unless it is there with the same settings."""
    real = part == "real"
    params = grid_params(name, SYNTHETIC_ROWS, **({} if real else {"generate.method": part}))
    make = run.real if real else run.method
    renew(result_path(name, part), params, lambda: make(load_task(params)), synthetic_rows=SYNTHETIC_ROWS)


if __name__ == "__main__":
    run_command(tables.parser("study", main), "study", main)
