"""A task as the steps take it: settings, card and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from labelmint.core.params import Params
from labelmint.core.records import Fact, Input, Labelled
from labelmint.tasks.cards import TaskCard


@dataclass(frozen=True)
class Task:
    """Settings, card and rows; a step that needs no test inputs or facts is given none."""

    params: Params
    card: TaskCard
    train: Sequence[Labelled]  # the real rows to work with, which may be none
    test: Sequence[Input] = ()
    facts: Sequence[Fact] = ()

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Return the task with other settings, by dotted keys such as `train.seeds`."""
        return replace(self, params=self.params.changed(changes))
