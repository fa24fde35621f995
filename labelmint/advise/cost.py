"""What a run will take: pieces of work by stage, and minutes from the speeds measured on this machine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from labelmint.advise.speed import Speeds
from labelmint.core.calibration import MIN_ROWS
from labelmint.core.params import ENCODER_STUDENTS, LLM_STUDENTS, Arm, Params
from labelmint.labelling.choices import CHUNK_TEXTS
from labelmint.students.held_out import count_splits
from labelmint.students.schedule import planned_epochs
from labelmint.tasks.data import TaskData

# Each stage is a process, which loads its libraries and models.
_START_S = 8
# Prepare, arms, describe, evaluate and report together.
_OTHER_STAGES = 5
# To fit a linear head with its cross-validation, for each row; to choose weights takes so many fits more.
_HEAD_ROW_S, _WEIGHT_FITS = 0.0005, 20
# A training step passes forward, and backward for twice as long.
_STEP_PASSES = 3


@dataclass(frozen=True)
class Step:
    """A stage, or several alike: its name, its work in words, and its seconds."""

    name: str
    work: str
    seconds: float


@dataclass(frozen=True)
class Work:
    """How many rows of each source there will be."""

    train: int
    pool: int
    test: int
    unlabelled: int
    candidates: int
    synthetic: int  # the candidates that will be kept
    labelled: int  # the texts that will get a label


def work_of(params: Params, data: TaskData, clear: float) -> Work:
    """Return the rows of a run, of which the share `clear` has a clear label; whole waves are written."""
    wave = params.generate.prompts_per_wave * params.generate.samples_per_prompt
    candidates = -(-params.generate.candidates // wave) * wave
    parts, texts = data.split, len(data.unlabelled.rows)
    return Work(
        train=len(parts.train),
        pool=len(parts.pool),
        test=len(parts.test),
        unlabelled=texts,
        candidates=candidates,
        synthetic=candidates if params.labelling.action == "none" else round(candidates * clear),
        labelled=round(texts * clear),
    )


def steps(params: Params, work: Work, speeds: Speeds) -> list[Step]:
    """Return the stages of a whole run with nothing in the cache, the slowest kind of run."""
    texts, unlabelled = work.candidates, work.unlabelled
    scored = params.labelling.action != "none"
    tokens = texts * speeds.tokens_per_text
    result = [
        Step(
            "generate",
            f"{texts:,} texts to write, about {_rounded(tokens):,} tokens at {speeds.tokens_per_s:.0f}/s",
            tokens / speeds.tokens_per_s + _START_S,
        )
    ]
    for name, rows, reading in (("label", unlabelled, True), ("filter", texts, scored)):
        reading = reading and speeds.read_text_s > 0
        read = _read_s(rows + work.train, speeds) if reading else 0.0
        embedded = rows + work.train + work.test
        what = f"{rows + work.train:,} texts to read, " if reading else ""
        if rows:
            seconds = read + embedded * speeds.embed_text_s[params.train.encoder] + _START_S
            result.append(Step(name, f"{what}{embedded:,} to embed", seconds))
    arms = {name: arm for name, arm in params.arms.items() if _fills(arm, work)}
    seconds = sum(_arm_s(params, name, work, speeds) for name in arms) + _shared_s(params, arms, work, speeds)
    result.append(Step("train", f"{len(arms)} arms", seconds))
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


def _rows_of(arm: Arm, work: Work) -> tuple[int, int, int]:
    """Return how many real, synthetic and labelled rows an arm wants."""
    return (
        work.train if arm.real == "all" else arm.real,
        work.synthetic if arm.synthetic == "all" else arm.synthetic,
        work.labelled if arm.unlabelled == "all" else arm.unlabelled,
    )


def _fills(arm: Arm, work: Work) -> bool:
    there = (work.train + work.pool, work.synthetic, work.labelled)
    return all(wanted <= rows for wanted, rows in zip(_rows_of(arm, work), there, strict=True))


def _students(params: Params, arm: str) -> list[str]:
    student = params.student_of(arm)
    return params.train.students if student == "auto" else [student]


def _shared_s(params: Params, arms: Mapping[str, Arm], work: Work, speeds: Speeds) -> float:
    """Return the seconds of what arms find in the cache once one of them did it.

    Their rows are embedded, of each source the most that an arm wants; the test inputs are read by the
    language model, for each seed.
    """
    read = [len(params.seeds_of(name)) for name in arms if {*LLM_STUDENTS} & {*_students(params, name)}]
    seconds = max(read, default=0) * _read_s(work.test + work.train, speeds)
    for encoder, embed_s in speeds.embed_text_s.items():
        encoded = [
            _rows_of(arm, work)
            for name, arm in arms.items()
            if params.encoder_of(name) == encoder and {*ENCODER_STUDENTS} & {*_students(params, name)}
        ]
        seconds += sum(max((sizes[at] for sizes in encoded), default=0) for at in range(3)) * embed_s
    return seconds


def _arm_s(params: Params, name: str, work: Work, speeds: Speeds) -> float:
    """Return the seconds to train an arm with all its seeds and to predict the test inputs."""
    arm, students, seeds = params.arms[name], _students(params, name), len(params.seeds_of(name))
    real, *made = _rows_of(arm, work)
    rows = real + sum(made)
    splits = count_splits(real or rows)
    validation = splits if len(students) > 1 else 0
    seconds = float(_START_S)
    if {*ENCODER_STUDENTS} & {*students}:
        fits = seeds + validation + (_WEIGHT_FITS if arm.weights == "chosen" else 0)
        seconds += fits * rows * _HEAD_ROW_S
    if "fine_tune" in students:
        passes = planned_epochs(params.train, rows) * rows * _STEP_PASSES
        calibration = splits if real >= MIN_ROWS else 0
        trainings = seeds + validation + calibration
        texts = trainings * passes + seeds * work.test
        seconds += texts * speeds.embed_text_s[params.encoder_of(name)]
    return seconds


def _rounded(number: float) -> int:
    """Return a number to two digits: a forecast is no more exact."""
    digits = max(0, len(str(int(number))) - 2)
    return int(round(number, -digits))
