"""The rows that all methods are compared on, and how they are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from experiments import tables
from experiments.engine import PLAIN, REAL, Task, draw_sets, keep, load_task, write
from experiments.sources import MINILM, MPNET, task_params
from labelmint.core.errors import DataError
from labelmint.core.params import Arm, load_params
from labelmint.core.records import ArmRow, Kept
from labelmint.llm import open_model
from labelmint.scoring.bootstrap import adjust
from labelmint.students.base import Setting
from labelmint.tasks.cards import load_card

STUDENT = MPNET
SEEDS = [1, 2, 3]
DRAWN = 0.8  # share of the kept rows that each seed draws
FINE_TUNED_TASKS = ["rotten_tomatoes"]  # minutes for each arm
ROWS = {"as written": "none", "checked": "relabel"}  # and the `labelling.action` that makes them

Trained = TypeVar("Trained")  # a class of students, or several
Entry = tuple[list[str], Mapping[str, Any]]  # the first cells of its row, and its numbers


@dataclass(frozen=True)
class MethodTask(Task):
    """A task with its kept rows."""

    @cached_property
    def kept(self) -> dict[str, list[Kept]]:
        """The kept rows by the names of `ROWS`."""
        with open_model(self.params.llm) as model:
            candidates = write(self, model)
            return {rows: keep(self, candidates, action, model) for rows, action in ROWS.items()}

    def drawn(self, rows: str) -> dict[str, list[list[ArmRow]]]:
        """Return the training sets `PLAIN`, of real and made rows, and `REAL`, of each seed."""
        return draw(self, self.kept[rows])


def draw(task: Task, kept: Sequence[Kept]) -> dict[str, list[list[ArmRow]]]:
    """Return the training sets `PLAIN`, of real and kept rows, and `REAL`, of each seed."""
    plain = Arm(real="all", synthetic=round(DRAWN * len(kept)))
    return draw_sets(task, {PLAIN: plain, REAL: Arm(real="all")}, kept)


def load(name: str) -> MethodTask:
    """Read the task with the settings of `experiments.sources`, so that its texts are in the cache.

    Raises `DataError` if it is one of pairs, or there are no real rows.
    """
    if not load_params().real.rows:
        raise DataError("params.yaml: real.rows: 0: the methods choose among real rows; say 100, for example")
    if load_card(name).pair_name is not None:
        raise DataError(
            f"data/tasks/{name}.yaml: pair_name: the methods are measured on single texts; name another task"
        )
    return MethodTask(**vars(load_task(task_params(name, STUDENT).changed({"train.seeds": SEEDS}))))


def students_of(task: Task, head: Trained, fine_tuned: Trained) -> dict[str, tuple[Trained, Setting]]:
    """Return what is trained, by its name on the page: heads, and encoders where that takes no hours."""
    params = task.params
    students = {f"{params.train.encoder}, linear head": (head, Setting(params, task.card))}
    if params.task in FINE_TUNED_TASKS:
        small = params.changed({"train.encoder": MINILM})
        students[f"{MINILM}, fine-tuned"] = (fine_tuned, Setting(small, task.card))
    return students


def listed(results: Sequence[Mapping[str, Any]], part: str) -> list[Entry]:
    """Return the entries of a part, and the task and the names that lead to each."""
    entries: list[Entry] = []
    waiting = [([result["task"]], result[part]) for result in results if part in result]
    while waiting:
        cells, content = waiting.pop(0)
        if "gain" in content:
            entries.append((cells, content))
        else:
            parts = [([*cells, name], of) for name, of in content.items() if isinstance(of, Mapping)]
            waiting[:0] = parts
    return entries


def compared(
    first_columns: str,
    entries: Sequence[Entry],
    more_columns: str = "",
    more: Callable[[Mapping[str, Any]], list[str]] = lambda _: [],
) -> list[str]:
    """Return the lines of a table: each entry's first cells, accuracy, gain, corrected p-value, and `more`.

    The last of the first cells names what was compared. Only methods are tested, not `PLAIN` and `REAL`.
    """
    columns = [first_columns, "accuracy | against plain | Holm p", *([more_columns] if more_columns else [])]
    adjust([entry["gain"] for first, entry in entries if first[-1] not in (PLAIN, REAL)])
    rows = []
    for first, entry in entries:
        gain = tables.gain(entry["gain"]) if entry["gain"] else "–"
        p_value = "–" if first[-1] in (PLAIN, REAL) else f"{entry['gain']['p_adjusted']:.3f}"
        rows.append([*first, tables.score(entry), gain, p_value, *more(entry)])
    return tables.table(" | ".join(columns), rows)
