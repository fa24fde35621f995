"""Read what the other stages found; what is not there is empty, and its section says so."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.lock import other_run, read_file, read_lock, stages_of, unrecorded
from labelmint.core.params import Params
from labelmint.core.records import (
    Kept,
    Labelled,
    LabelledText,
    Prompt,
    Rejected,
    RejectedText,
    read_json,
    read_rows,
)

Rows = list[dict[str, Any]]
Metrics = dict[str, Any]


@dataclass(frozen=True)
class Inputs:
    """All that the report shows, as it stands in the files; `train` is by arm, in evaluate.json's order."""

    generate: Metrics
    top_up: Metrics
    filter: Metrics
    label: Metrics
    train: dict[str, Metrics]
    describe: Metrics
    evaluate: Metrics
    confusion: list[dict[str, str]]
    reliability: list[dict[str, str]]
    escalation: list[dict[str, str]]
    kept: Rows
    rejected: Rows
    labelled: Rows
    unsure: Rows
    prompts: Rows
    real: Rows
    hardest: Rows


def check_for_rows() -> None:
    """Raise `DataError` if no stage ran here: git has the metrics of a run, but not its rows."""
    if not any(path.exists() for path in (paths.REAL_TRAIN, paths.PROMPTS, paths.KEPT, paths.REJECTED)):
        raise DataError(
            f"{paths.KEPT}: no such file; run `dvc repro` in the project's folder, or `dvc pull` where there "
            "is a remote"
        )


def check_one_run(params: Params, evaluate: Metrics) -> bool:
    """Return whether dvc.lock records the evaluation; it doesn't where stages were run without DVC.

    Raise `DataError` if the results are of another task, or, by dvc.lock, not of one run with these settings.
    """
    recorded = read_lock(read_file, stages_of(params.arms))
    is_recorded = str(paths.EVALUATION) not in unrecorded(read_file, recorded)
    if problem := other_run(read_file, recorded if is_recorded else {}, evaluate, params.task):
        raise DataError(f"the results are not of one run with these settings: {problem}; run `dvc repro`")
    return is_recorded


def read_inputs() -> Inputs:
    """Read the metrics, plots and rows of the run."""
    evaluate = read_metrics(paths.EVALUATION)
    named = list(evaluate.get("arms", {}))
    trained = {path.stem: read_metrics(path) for path in sorted(paths.TRAIN_METRICS.glob("*.json"))}
    return Inputs(
        generate=read_metrics(paths.METRICS / "generate.json"),
        top_up=read_metrics(paths.METRICS / "top_up.json"),
        filter=read_metrics(paths.METRICS / "filter.json"),
        label=read_metrics(paths.METRICS / "label.json"),
        # Files of arms that an earlier params.yaml named may still lie there.
        train={arm: trained[arm] for arm in named or trained if arm in trained},
        describe=read_metrics(paths.METRICS / "data.json"),
        evaluate=evaluate,
        confusion=_table(paths.PLOTS / "confusion.csv"),
        reliability=_table(paths.PLOTS / "reliability.csv"),
        escalation=_table(paths.PLOTS / "escalation.csv"),
        kept=_rows(paths.KEPT, Kept),
        rejected=_rows(paths.REJECTED, Rejected),
        labelled=_rows(paths.LABELLED, LabelledText),
        unsure=_rows(paths.LABELLED_REJECTED, RejectedText),
        prompts=[*_rows(paths.PROMPTS, Prompt), *_rows(paths.TOP_UP_PROMPTS, Prompt)],
        real=_rows(paths.REAL_TRAIN, Labelled),
        hardest=_rows(paths.HARDEST),
    )


def read_metrics(path: Path) -> Metrics:
    """Read a metrics file; empty if it is missing."""
    return read_json(path) or {}


def _rows(path: Path, kind: Any = None) -> Rows:
    return read_rows(path, kind) if path.exists() else []


def _table(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        return []
