"""What each arm answered on the test rows, small enough for git, so that two commits can be paired by row.

A label is its number in hexadecimal, in as many digits as the last label needs: one for up to 16 labels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelmint.core.arrays import Ints
from labelmint.core.records import Input, texts_of
from labelmint.scoring.scores import ArmPredictions


@dataclass(frozen=True)
class Answers:
    """The test rows' labels and the arms' answers; `test_set` is a hash of the rows."""

    test_set: str
    names: list[str]
    truth: Ints
    arms: dict[str, ArmPredictions]


def write_answers(
    arms: Sequence[ArmPredictions], truth: Ints, names: list[str], inputs: Sequence[Input]
) -> dict[str, Any]:
    """Return the content of metrics/predictions.json."""
    rows = [[*texts_of(row), names[label]] for row, label in zip(inputs, truth, strict=True)]
    return {
        # Of texts and labels in their order; ids may change with the file that the rows come from.
        "test_set": hashlib.sha256(json.dumps(rows).encode()).hexdigest(),
        "labels": names,
        "truth": _encode(truth, len(names)),
        "arms": {arm.arm: [_encode(seed, len(names)) for seed in arm.predicted] for arm in arms},
    }


def read_answers(content: Mapping[str, Any]) -> Answers:
    """Return what `write_answers` wrote; an answer has probability 1. Raise `ValueError` for any other."""
    names, labels = content["labels"], len(content["labels"])
    truth, arms = _decode(content["truth"], labels), {}
    for arm, seeds in content["arms"].items():
        answers = np.array([_decode(seed, labels) for seed in seeds])
        if answers.shape != (len(seeds), len(truth)) or not np.isin(answers, range(labels)).all():
            raise ValueError(f"{arm} has not one answer per test row and seed")
        arms[arm] = ArmPredictions(arm, 0, np.eye(labels)[answers])
    return Answers(content["test_set"], names, truth, arms)


def _digits(labels: int) -> int:
    return len(f"{max(0, labels - 1):x}")


def _encode(numbers: Ints, labels: int) -> str:
    return "".join(f"{number:0{_digits(labels)}x}" for number in numbers)


def _decode(text: str, labels: int) -> Ints:
    digits = _digits(labels)
    return np.array([int(text[at : at + digits], 16) for at in range(0, len(text), digits)], np.int64)
