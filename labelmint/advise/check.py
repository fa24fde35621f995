"""`labelmint check`: what is odd in the data, and a forecast of what a run will bring and take.

It reads params.yaml, the card and its data, and writes nothing into the project. Test rows are compared with
others by their texts, for duplicates; their labels are not used, and no model labels them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from labelmint.advise.cost import step_lines, steps, work_of
from labelmint.advise.oddities import oddities
from labelmint.advise.quality import accuracy_lines, forecast
from labelmint.advise.speed import measure
from labelmint.checks import read_checked_task
from labelmint.core.params import ENCODER_STUDENTS, Params
from labelmint.core.quoting import printable
from labelmint.core.records import Input
from labelmint.encoder.data import tokenize
from labelmint.encoder.loading import LoadedEncoder, open_encoder
from labelmint.labelling.scores import LabelScores, score_labels
from labelmint.llm import open_model
from labelmint.llm.base import LanguageModel
from labelmint.llm.catalog import load_entry
from labelmint.llm.catalog.files import model_file
from labelmint.rules.filtering import leading
from labelmint.tasks.cards import card_path
from labelmint.tasks.data import TaskData
from labelmint.tasks.split import label_counts
from labelmint.tasks.task import Task

# Real rows that the scorers label: enough for an interval of ± 6 points, in seconds.
_MAX_SCORED = 150
_UNCUT = 1_000_000


def check(params: Params) -> None:
    """Print the report; raise an error if the settings, the card or the data are wrong."""
    card, data = read_checked_task(params)
    _print(f"Data of {card_path(params.task)}", _counts(data))
    encoders = {name: open_encoder(name) for name in params.encoders()}
    odd = oddities(params, card, data, lambda rows: _lengths(encoders[params.train.encoder], rows))
    _print("What is odd", odd or ["nothing"])
    train, task = data.split.train, Task(params, card, data.split.train, facts=data.facts.rows)
    with open_model(params.llm) as model:
        scores = _scores(replace(task, train=train[:_MAX_SCORED]), model)
        if scores.real:
            title = f"Labels: how often each is right on {len(scores.real)} real rows that it hasn't seen"
            _print(title, accuracy_lines(params, scores, train))
        _print("What to expect", forecast(scores, len(data.unlabelled.rows)))
        texts = [*train, *data.unlabelled.rows]
        speeds = measure(task, texts, model, encoders)
        memory = psutil.Process().memory_info().rss
    work = work_of(params, data, _clear_share(params, scores))
    _print("What a run takes, with nothing in the cache", step_lines(params, steps(params, work, speeds)))
    _print("Memory and disk", _resources(params, memory))


def _print(title: str, lines: Iterable[str]) -> None:
    print(f"=== {title}")
    for line in lines:
        print(f"  {printable(line)}")
    print(flush=True)


def _counts(data: TaskData) -> Iterator[str]:
    parts = data.split
    labels = ", ".join(f"{name} {count:,}" for name, count in label_counts(parts.train).items())
    later = f", {len(data.later.rows):,} of them labelled later" if data.later.rows else ""
    yield f"{len(parts.train):,} training rows{later} ({labels or 'none'})"
    yield f"{len(parts.test):,} test rows, {len(parts.pool):,} other labelled rows"
    yield f"{len(data.unlabelled.rows):,} texts to label"


def _lengths(encoder: LoadedEncoder, rows: Sequence[Input]) -> list[int]:
    return [*map(len, tokenize(rows, encoder.tokenizer, _UNCUT, encoder.prefix)["input_ids"])]


def _scores(task: Task, model: LanguageModel) -> LabelScores:
    """Score real rows by scorers that haven't seen them; no scores without rows, or if a run needs none."""
    params = task.params
    if not task.train or (params.labelling.action == "none" and not params.prepare.unlabelled_rows):
        return LabelScores()
    return score_labels(task, [], model)


def _clear_share(params: Params, scores: LabelScores) -> float:
    """Return the share of the real rows whose best label leads by `labelling.min_margin`."""
    if not scores.real:
        return 1.0
    margins = [leading(row_scores)[1] for row_scores in scores.real.values()]
    return sum(margin >= params.labelling.min_margin for margin in margins) / len(margins)


def _resources(params: Params, memory: int) -> Iterator[str]:
    """Yield the memory of this check, and the disk space of the students that hold an encoder."""
    whole = psutil.virtual_memory().total
    yield f"{memory / 1e9:.1f} GB of memory in this check; the machine has {whole / 1e9:.0f} GB"
    keys = params.encoders()
    sizes = {
        name: model_file(name, load_entry(name, ("encoder",), keys[name])).stat().st_size for name in keys
    }
    arms = [name for name in params.arms if params.student_of(name) in {"auto", *ENCODER_STUDENTS}]
    # In models/ and in DVC's cache.
    needed = 2 * sum(sizes[params.encoder_of(name)] for name in arms)
    free = shutil.disk_usage(Path.cwd()).free
    yield f"{needed / 1e9:.1f} GB of disk for {len(arms)} students' encoders; {free / 1e9:.0f} GB are free"
