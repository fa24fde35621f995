"""A git repository with a project, and runs of it whose answers are made up."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.reliability.project import set_params
from labelmint.compare.revisions import find
from labelmint.compare.runs import read_run
from labelmint.compare.tables import Comparison, compare
from labelmint.core import paths
from labelmint.core.lock import md5
from labelmint.core.params import load_params
from labelmint.core.records import write_metrics
from labelmint.scoring.answers import write_answers
from labelmint.scoring.evaluation import evaluate
from labelmint.scoring.roles import Roles
from labelmint.scoring.scores import ArmPredictions
from tests.builders import git, labelled, write_card
from tests.conftest import copy_settings, isolate

NAMES = ["negative", "positive"]
TEST_ROWS = 200
# Real and synthetic rows.
ARMS = {"real": (20, 0), "mixed": (20, 80), "real_40": (40, 0)}


def predictions(arm: str, wrong: list[int], seeds: int = 1) -> ArmPredictions:
    """Return an arm that gets these test rows wrong."""
    answers = np.arange(TEST_ROWS) % 2
    answers[wrong] = 1 - answers[wrong]
    real, synthetic = ARMS[arm]
    probabilities = np.stack([np.eye(2)[answers]] * seeds)
    return ArmPredictions(
        arm, real + synthetic, probabilities, real=real, synthetic=synthetic, student="linear_head"
    )


def write_run(wrong: dict[str, list[int]], *, text: str = "text", seconds: float = 60.0) -> None:
    """Write the metrics and dvc.lock of a run with today's params.yaml."""
    params = load_params()
    arms = [predictions(arm, rows) for arm, rows in wrong.items()]
    rows = [labelled("negative", number, f"{text} {number}") for number in range(TEST_ROWS)]
    truth = np.arange(TEST_ROWS) % 2
    result = evaluate(Roles(arms, "linear_head", 20), truth, NAMES, params.evaluate)
    write_metrics(paths.METRICS / "evaluate.json", {"task": params.task, **result})
    write_metrics(paths.ANSWERS, {"task": params.task, **write_answers(arms, truth, NAMES, rows)})
    scorers = {"accuracy": {"llm": 0.7, "pooled": 0.8}, "real_rows": 20}
    kept = {"candidates": 100, "rejected": {"empty": 20}, "kept": 80, "kept_share": 0.8, "relabelled": 9}
    write_metrics(paths.METRICS / "filter.json", {**kept, "label_scoring": scorers, "seconds": seconds})
    write_metrics(paths.METRICS / "generate.json", {"tokens": 1234, "seconds": seconds})
    write_lock()


def write_lock(**changes: Any) -> None:
    """Record the files and settings in dvc.lock, as DVC does."""
    content = load_params().model_dump(mode="json", exclude_unset=True)
    settings = {"task": content["task"], "generate": content["generate"]}

    def outs(*names: str) -> list[dict[str, str]]:
        return [{"path": name, "md5": md5(Path(name).read_bytes())} for name in names]

    card = f"data/tasks/{content['task']}.yaml"
    stages = {
        "generate": {
            "deps": [{"path": card, "md5": md5(Path(card).read_bytes())}],
            "params": {"params.yaml": settings},
            "outs": outs("metrics/generate.json"),
        },
        "evaluate": {
            "deps": outs("metrics/generate.json"),
            "params": {"params.yaml": {"task": content["task"], "evaluate": content["evaluate"]}},
            "outs": outs("metrics/evaluate.json", "metrics/predictions.json"),
        },
        **changes,
    }
    Path("dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": stages}), encoding="utf-8")


def commit(message: str) -> str:
    """Commit everything; return the hash."""
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", message)
    return git("rev-parse", "HEAD")


def compared(base: str, head: str = "workspace") -> Comparison:
    """Compare two revisions."""
    return compare(read_run(find(base)), read_run(find(head)))


def rows(comparison: Comparison, title: str) -> dict[str, list[str]]:
    """Return a table's rows by their first cell."""
    (table,) = (table for table in comparison.tables if table.title.startswith(title))
    return {row[0]: list(row[1:]) for row in table.rows}


@pytest.fixture(scope="session")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a git repository with two runs, tagged `first` and `second`; in the second mixed is better."""
    folder, hard = tmp_path_factory.mktemp("two-runs"), list(range(60))
    copy_settings(folder)
    write_card(folder, "tiny")
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch, tmp_path_factory.mktemp("home"))
        patch.chdir(folder)
        git("init", "-q", "-b", "main")
        set_params(folder / "params.yaml", {"task": "tiny", "evaluate.bootstrap_samples": 200})
        write_run({"real": hard, "mixed": hard, "real_40": hard[:40]})
        commit("First run")
        git("tag", "first")
        set_params(folder / "params.yaml", {"generate.temperature": 0.8})
        write_run({"real": hard, "mixed": hard[12:], "real_40": hard[:40]}, seconds=90.0)
        commit("Second run")
        git("tag", "second")
    return folder


@pytest.fixture
def repository(project: Path, two_runs: Path) -> Path:
    """Go to a copy of the repository with two runs."""
    shutil.copytree(two_runs, project, dirs_exist_ok=True)
    return project
