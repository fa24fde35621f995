"""Many rows: what the parts of the pipeline take for 1,000 to 100,000 rows, each in a process of its own.

Texts are random walks over the words of the real rows, so that they share phrases as texts do, and one in
twenty repeats another; the language model and the encoder are scripted, but for `train`, which has a small
random encoder. Reads params.yaml, the task card and data/real; needs `dvc repro prepare` first.
Run one measurement: `python -m experiments.reliability.load filter 100000`.
"""

from __future__ import annotations

import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from experiments.reliability.project import REPOSITORY, save_encoder
from experiments.reliability.scripted import ScriptedModel
from experiments.reliability.server import WORDS
from labelmint.core import paths
from labelmint.core.arrays import Floats32
from labelmint.core.errors import LabelmintError
from labelmint.core.folds import FOLDS
from labelmint.core.params import PARAMS_PATH, Params, load_params
from labelmint.core.progress import progress
from labelmint.core.records import ArmRow, Candidate, Input, Labelled, read_rows, write_json, write_rows
from labelmint.tasks.cards import load_card
from labelmint.tasks.task import Task

_WIDTH = 384  # of minilm's vectors
_REPEATED = 0.05  # of the texts: half of them with a word changed


def measure(params: Params) -> dict[str, Any]:
    """Return processor seconds and peak memory of each part by rows, and how the seconds grow.

    `growth` is the exponent from the last but one size to the last: 1 is linear, 2 quadratic.
    """
    todo = [(name, rows) for name, part in PARTS.items() for rows in part.sizes]
    results: dict[str, Any] = {part: {"rows": {}} for part, _ in todo}
    with progress(len(todo), "load", "measurements") as bar:
        for part, rows in todo:
            results[part]["rows"][str(rows)] = _apart(params, part, rows)
            bar.update()
    for result in results.values():
        (rows, one), (more_rows, other) = list(result["rows"].items())[-2:]
        ratio = max(other["seconds"], 1e-3) / max(one["seconds"], 1e-3)
        result["growth"] = round(math.log(ratio) / math.log(int(more_rows) / int(rows)), 2)
    return results


def _apart(params: Params, part: str, rows: int) -> dict[str, float]:
    """Measure in another process, with a copy of the settings and a cache of its own."""
    with tempfile.TemporaryDirectory(prefix="labelmint-load-") as name:
        folder = Path(name)
        (folder / "data").symlink_to(Path("data").resolve(), target_is_directory=True)
        write_json(folder / PARAMS_PATH, params.model_dump(mode="json"))
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "LABELMINT_CACHE": str(folder / "cache")}
        command = [sys.executable, "-m", "experiments.reliability.load", part, str(rows)]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise LabelmintError(f"{part}, {rows} rows: {lines[-1]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def run(part: str, rows: int) -> dict[str, float]:
    """Return the processor seconds and the peak memory in MB of one measurement in this process."""
    work = PARTS[part].work(load_params(), rows)
    begin = time.process_time()
    work()
    seconds = time.process_time() - begin
    return {"seconds": round(seconds, 2), "peak_mb": peak_mb()}


def peak_mb() -> float:
    """Return this process's peak in MB (10⁶ bytes)."""
    status = Path("/proc/self/status")
    if status.exists():  # what `getrusage` says may be the peak of the process that started this one
        lines = status.read_text(encoding="utf-8").splitlines()
        return round(
            int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1e3 * 1.024, 1
        )
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 1)


def texts(real: Sequence[Input], count: int) -> Iterator[str]:
    """Yield random walks over the real texts' words; some repeat an earlier one."""
    following: dict[str, list[str]] = defaultdict(list)
    for row in real:
        words = ["", *row["text"].split(), ""]
        for word, then in pairwise(words):
            following[word].append(then)

    def walk(number: int) -> list[str]:
        draw, words = random.Random(number), [""]
        while len(words) < 60 and (word := draw.choice(following[words[-1]])):
            words.append(word)
        return words[1:]

    for number in range(count):
        draw = random.Random(-1 - number)
        repeated = number > 0 and draw.random() < _REPEATED
        words = walk(draw.randrange(number) if repeated else number)
        if repeated and draw.random() < 0.5:
            words[draw.randrange(len(words)) if words else 0 :][:1] = ["again"]
        yield " ".join(words)


def embed(rows: Sequence[Input]) -> Floats32:
    """Return the mean of the words' random vectors, of length 1, for each text."""
    known: dict[str, Floats32] = {}

    def vector(word: str) -> Floats32:
        if word not in known:
            draw = np.random.default_rng(zlib.crc32(word.encode("utf-8", "replace")))
            known[word] = draw.standard_normal(_WIDTH, np.float32)
        return known[word]

    vectors = np.stack(
        [np.sum([vector(word) for word in ["", *row["text"].split()]], axis=0) for row in rows]
    )
    lengths: Floats32 = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths, np.float32)


def _candidates(names: Sequence[str], real: Sequence[Input], count: int) -> list[Candidate]:
    return [
        Candidate(
            id=f"s{number:06d}",
            text=text,
            label=names[number % len(names)],
            prompt_id="p",
            demonstration_ids=[],
            method="few_shot",
            values={},
            seed=number,
            tokens=20,
            finish_reason="stop",
        )
        for number, text in enumerate(texts(real, count))
    ]


def _filter(params: Params, count: int) -> Callable[[], object]:
    from labelmint.rules.apply import filter_candidates
    from labelmint.rules.filtering import Filtering

    card = load_card(params.task)
    train, test, real = map(read_rows, (paths.REAL_TRAIN, paths.TEST_INPUTS, paths.REAL_POOL))
    rows = _candidates(card.label_names, real, count)
    draw = np.random.default_rng(1)
    scores = {row["id"]: draw.normal(0, 3, len(card.label_names)) for row in rows}
    task = Task(params, card, train, test)
    return lambda: filter_candidates(Filtering(task, rows, scores, embed))


def _label(params: Params, count: int) -> Callable[[], object]:
    from labelmint.labelling.scores import score_labels
    from labelmint.rules.texts import filter_texts

    params = params.changed({"labelling.scorers": ["llm", "probe"]})
    train, test, real = map(read_rows, (paths.REAL_TRAIN, paths.TEST_INPUTS, paths.REAL_POOL))
    task = Task(params, load_card(params.task), train, test)
    rows = [Input(id=f"u{number:06d}", text=text) for number, text in enumerate(texts(real, count))]

    def work() -> None:
        scores = score_labels(task, rows, ScriptedModel())
        filter_texts(task, rows, scores.texts, embed)

    return work


def _train(params: Params, count: int) -> Callable[[], object]:
    from stages.train import main as train

    # The folder's data are the project's: this part has its own.
    tasks, test = paths.TASKS.resolve(), read_rows(paths.TEST_INPUTS)
    Path("data").unlink()
    Path("data").mkdir()
    paths.TASKS.symlink_to(tasks, target_is_directory=True)
    save_encoder(Path("encoder"), WORDS)
    write_json(paths.CATALOG, {"tiny": {"kind": "encoder", "path": "encoder", "licence": "none"}})
    changes = {"train.encoder": "tiny", "train.max_tokens": 64, "train.student": "linear_head"}
    changed = params.changed({**changes, "arms": {"real": {"real": "all"}}})
    write_json(PARAMS_PATH, changed.model_dump(mode="json"))
    names = load_card(params.task).label_names
    draw = random.Random(1)
    rows = [
        ArmRow(
            id=f"r{number}",
            text=" ".join(draw.choices(WORDS, k=20)),
            label=names[number % len(names)],
            source="real",
            fold=number % FOLDS,
        )
        for number in range(count)
    ]
    write_rows(paths.arm_rows("real"), rows)
    write_rows(paths.unclear_rows("real"), [])
    write_rows(paths.TEST_INPUTS, test)
    return lambda: train("real")


def _write(params: Params, count: int) -> Callable[[], object]:
    from labelmint.generation.session import Session

    task = Task(params, load_card(params.task), read_rows(paths.REAL_TRAIN))
    session = Session(task.changed({"generate.candidates": count}), ScriptedModel())
    waves = session.waves()
    return lambda: session.write(waves, "load")


def _memorisation(params: Params, count: int) -> Callable[[], object]:
    from labelmint.core.records import texts_of
    from labelmint.describe.memorisation import memorisation

    real: list[Labelled] = read_rows(paths.REAL_POOL)
    rows = _candidates(["a"], real, count)
    return lambda: memorisation(rows, real, texts_of, 12)


@dataclass(frozen=True)
class Part:
    """A part of the pipeline: what the page calls it, numbers of rows, and what prepares its work."""

    title: str
    sizes: Sequence[int]
    work: Callable[[Params, int], Callable[[], object]]


PARTS = {
    "filter": Part("the filter's rules on candidates", (1_000, 10_000, 100_000), _filter),
    "label": Part("labelling texts that exist, and the rules on them", (1_000, 10_000, 100_000), _label),
    "train": Part("the stage `train`: linear head, a small random encoder", (1_000, 20_000), _train),
    "write": Part("writing texts into the cache, and out of it", (1_000, 5_000), _write),
    "memorisation": Part(
        "runs in common with the pool's real rows, as in `metrics/data.json`",
        (1_000, 10_000, 100_000),
        _memorisation,
    ),
}


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]))))
