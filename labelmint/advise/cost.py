"""What a run will take: pieces of work by stage, and minutes from the speeds measured on this machine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labelmint.advise.speed import Speeds
from labelmint.core.params import Arm, Params
from labelmint.labelling.choices import CHUNK_TEXTS
from labelmint.students.fine_tune import planned_epochs
from labelmint.tasks.data import TaskData

# Each stage is a process, which loads its libraries and models.
_START_S = 8
# Prepare, arms, describe, evaluate and report together.
_OTHER_STAGES = 5
# To fit a linear head with its cross-validation, for each row.
_HEAD_ROW_S = 0.004
# A training step passes forward and backward; validation trains about as much again, before all seeds.
_STEP_PASSES = 3
_VALIDATION_RUNS = 1


@dataclass(frozen=True)
class Step:
    """A stage, or several alike: its name, its work in words, and its seconds."""

    name: str
    work: str
    seconds: float


@dataclass(frozen=True)
class Work:
    """How many rows of each source there will be; `kept` is the share of made rows with a clear label."""

    train: int
    pool: int
    test: int
    unlabelled: int
    candidates: int
    kept: float

    @property
    def synthetic(self) -> int:
        """The candidates that will be kept."""
        return round(self.candidates * self.kept)

    @property
    def labelled(self) -> int:
        """The texts that will get a label."""
        return round(self.unlabelled * self.kept)


def work_of(params: Params, data: TaskData, kept: float) -> Work:
    """Return the rows of a run; whole waves are written."""
    wave = params.generate.prompts_per_wave * params.generate.samples_per_prompt
    parts = data.split
    return Work(
        train=len(parts.train),
        pool=len(parts.pool),
        test=len(parts.test),
        unlabelled=len(data.unlabelled.rows),
        candidates=-(-params.generate.candidates // wave) * wave,
        kept=kept,
    )


def steps(params: Params, work: Work, speeds: Speeds) -> list[Step]:
    """Return the stages of a whole run with nothing in the cache, the slowest kind of run."""
    texts, unlabelled = work.candidates, work.unlabelled
    reading = params.labelling.action != "none" and speeds.read_text_s > 0
    tokens = texts * speeds.tokens_per_text
    result = [
        Step(
            "generate",
            f"{texts:,} texts to write, about {_rounded(tokens):,} tokens at {speeds.tokens_per_s:.0f}/s",
            tokens / speeds.tokens_per_s + _START_S,
        )
    ]
    for name, rows in (("label", unlabelled), ("filter", texts)):
        read = _read_s(rows + work.train, speeds) if reading else 0.0
        embedded = rows + work.train + work.test
        what = f"{rows + work.train:,} texts to read, " if reading else ""
        if rows:
            seconds = read + embedded * speeds.embed_text_s + _START_S
            result.append(Step(name, f"{what}{embedded:,} to embed", seconds))
    arms = [_arm_s(params, name, work, speeds) for name in params.arms if _fills(params.arms[name], work)]
    result.append(Step("train", f"{len(arms)} arms", sum(arms)))
    result.append(Step("the other stages", "", _OTHER_STAGES * _START_S + 30))
    return result


def step_lines(params: Params, result: Sequence[Step]) -> Iterator[str]:
    """Yield a line for each step, the total, and what may come on top."""
    for step in result:
        yield f"{step.name:<18}{step.seconds / 60:>6.1f} min  {step.work}".rstrip()
    total = sum(step.seconds for step in result) / 60
    yield f"{'together':<18}{total:>6.1f} min, if this machine stays as busy as it is now"
    more = params.top_up.max_candidates - params.generate.candidates
    if params.filter.rows_per_label and more > 0:
        first = sum(step.seconds for step in result if step.name in ("generate", "filter"))
        minutes = first / 60 * more / params.generate.candidates
        yield f"top_up may write up to {more:,} more texts, in up to {minutes:.0f} min"


def _read_s(texts: int, speeds: Speeds) -> float:
    return texts * speeds.read_text_s + math.ceil(texts / CHUNK_TEXTS) * speeds.read_start_s


def _rows_of(arm: Arm, work: Work) -> list[tuple[int, int]]:
    """Return how many rows of each source an arm wants, and how many there are."""
    real = work.train if arm.real == "all" else arm.real
    synthetic = work.synthetic if arm.synthetic == "all" else arm.synthetic
    unlabelled = work.labelled if arm.unlabelled == "all" else arm.unlabelled
    return [(real, work.train + work.pool), (synthetic, work.synthetic), (unlabelled, work.labelled)]


def _fills(arm: Arm, work: Work) -> bool:
    return all(wanted <= there for wanted, there in _rows_of(arm, work))


def _arm_s(params: Params, name: str, work: Work, speeds: Speeds) -> float:
    """Return the seconds to train an arm with all its seeds and to predict the test inputs."""
    rows, seeds = sum(wanted for wanted, _ in _rows_of(params.arms[name], work)), len(params.seeds_of(name))
    student = params.student_of(name)
    students = params.train.students if student == "auto" else [student]
    embed = (rows + work.test) * speeds.embed_text_s
    seconds = float(_START_S)
    if "fine_tune" in students:
        steps = planned_epochs(params.train, rows) * rows * _STEP_PASSES * speeds.embed_text_s
        seconds += (seeds + _VALIDATION_RUNS) * steps + seeds * work.test * speeds.embed_text_s
    if {"llm", "llm_probe"} & set(students):
        seconds += seeds * _read_s(work.test + min(rows, work.train), speeds)
    if set(students) & {"linear_head", "fine_tune"}:
        seconds += embed + rows * _HEAD_ROW_S
    return seconds


def _rounded(number: float) -> int:
    """Return a number to two digits: a forecast is no more exact."""
    digits = max(0, len(str(int(number))) - 2)
    return int(round(number, -digits))
