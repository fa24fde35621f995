"""Read the results of a revision, and refuse those that are not of one whole run with its settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.error import YAMLError

from labelmint.compare.revisions import Revision
from labelmint.core.config import parse_yaml
from labelmint.core.errors import DataError
from labelmint.core.lock import LOCK, other_run, read_lock, stages_of, unrecorded
from labelmint.core.records import SCHEMA_VERSION
from labelmint.scoring.answers import Answers, read_answers

_COMMIT = "commit params.yaml, dvc.lock and metrics/ together"


@dataclass(frozen=True)
class Run:
    """The results of a revision."""

    title: str
    task: str
    params: Mapping[str, Any]
    recorded: Mapping[str, Any]
    evaluate: Mapping[str, Any]
    answers: Answers | None
    # A stage's metrics by name, such as filter or train/mixed; empty if there are none.
    metrics: Callable[[str], Mapping[str, Any]]
    notes: list[str]  # what a reader of the numbers must know


def read_run(revision: Revision) -> Run:
    """Read a revision's results; raise `DataError` where there are none, or those of another run."""
    title = revision.title
    params, evaluate = _params(revision), _metrics(revision, "evaluate")
    if not evaluate:
        there = f"run `dvc repro`, and {_COMMIT}" if revision.commit else "run `dvc repro`"
        raise DataError(f"{title}: no metrics/evaluate.json there; {there}")
    _check_version(title, evaluate)
    arms = evaluate.get("arms")
    if not isinstance(arms, Mapping) or not all(isinstance(arm, Mapping) for arm in arms.values()):
        raise DataError(
            f"{title}: metrics/evaluate.json is of a version that can't be compared: it has no `arms`"
        )
    task, recorded = str(params.get("task")), read_lock(revision.read, stages_of(params.get("arms") or ()))
    _check_one_run(revision, task, evaluate, recorded)
    others = unrecorded(revision.read, recorded)
    more = f" and {len(others) - 1} more files" if others[1:] else ""
    notes = [f"{LOCK} records another content of {others[0]}{more}"] if others else []
    answers = _answers(revision, evaluate, notes)
    return Run(title, task, params, recorded, evaluate, answers, lambda name: _metrics(revision, name), notes)


def _check_version(title: str, evaluate: Mapping[str, Any]) -> None:
    version = evaluate.get("schema_version")
    if version != SCHEMA_VERSION:
        raise DataError(
            f"{title}: its metrics have schema version {version}, and this labelmint reads {SCHEMA_VERSION}; "
            "compare in a checkout of the newer commit, or run `dvc repro` there"
        )


def _check_one_run(
    revision: Revision, task: str, evaluate: Mapping[str, Any], recorded: Mapping[str, Any]
) -> None:
    problem = other_run(revision.read, recorded, evaluate, task)
    if not problem:
        return
    last_run = (
        f"`git log -1 --format=%h {revision.commit[:7]} -- metrics/evaluate.json` names the last run's commit"
    )
    remedy = last_run if revision.commit else "run `dvc repro`"
    raise DataError(
        f"{revision.title}: the results are not of one run with its settings: {problem}; {remedy}"
    )


def _answers(revision: Revision, evaluate: Mapping[str, Any], notes: list[str]) -> Answers | None:
    """Return the predictions; None, with a note, if there are none of this evaluation."""
    title, content = revision.title, _metrics(revision, "predictions")
    if not content:
        notes.append("there is no metrics/predictions.json")
        return None
    try:
        answers = read_answers(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{title}: metrics/predictions.json: {error}; run `dvc repro`") from None
    if not _belong_together(answers, evaluate) or content.get("task") != evaluate["task"]:
        raise DataError(
            f"{title}: metrics/predictions.json and evaluate.json are of different runs; run `dvc repro`"
        )
    return answers


def _belong_together(answers: Answers, evaluate: Mapping[str, Any]) -> bool:
    """Return whether the answers have evaluate.json's scores; a merge may take one file from each side."""
    if len(answers.truth) != evaluate.get("test_rows") or set(answers.arms) != set(evaluate["arms"]):
        return False
    if not len(answers.truth):
        return True
    means = {name: (arm.predicted == answers.truth).mean() for name, arm in answers.arms.items()}
    return all(
        abs(mean - (evaluate["arms"][name].get("accuracy") or {}).get("mean", -1)) < 1e-4
        for name, mean in means.items()
    )


def _params(revision: Revision) -> Mapping[str, Any]:
    content = revision.read("params.yaml")
    if content is None:
        raise DataError(f"{revision.title}: no params.yaml there; run this in the project's folder")
    try:
        params = parse_yaml(content.decode("utf-8"))
    except (YAMLError, UnicodeDecodeError):
        params = None
    if not isinstance(params, Mapping):
        raise DataError(f"{revision.title}: params.yaml: not valid YAML")
    return params


def _metrics(revision: Revision, name: str) -> Mapping[str, Any]:
    path = f"metrics/{name}.json"
    raw = revision.read(path)
    try:
        content = json.loads(raw) if raw is not None else {}
    except ValueError:
        content = None
    if not isinstance(content, Mapping):
        raise DataError(f"{revision.title}: {path}: not valid JSON; after a merge run `dvc repro`")
    return content
