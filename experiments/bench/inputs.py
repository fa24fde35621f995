"""The shipped settings and the real rows, the same for all measurements; the test rows are never read."""

from __future__ import annotations

from dataclasses import dataclass

from labelmint.core import paths
from labelmint.core.params import Params, load_params
from labelmint.core.records import Labelled, read_rows
from labelmint.tasks.cards import TaskCard, load_card
from labelmint.tasks.source import read_source
from labelmint.tasks.split import split


@dataclass(frozen=True)
class Inputs:
    """Settings, task card and real rows; `train` + `pool` are in the order of the real arms."""

    params: Params
    card: TaskCard
    train: list[Labelled]
    pool: list[Labelled]


def load_inputs() -> Inputs:
    """Read params.yaml and the real rows, splitting them here if `prepare` hasn't run."""
    params = load_params()
    card = load_card(params.task)
    if paths.REAL_TRAIN.is_file() and paths.REAL_POOL.is_file():
        return Inputs(params, card, read_rows(paths.REAL_TRAIN), read_rows(paths.REAL_POOL))
    real, prepare = params.real, params.prepare
    rows = read_source(card, params.task).rows
    parts = split(rows, real.rows, real.curve, prepare.test_rows, prepare.seed)
    return Inputs(params, card, parts.train, parts.pool)
