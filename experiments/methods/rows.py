"""The rows that all methods are compared on, and how they are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from statsmodels.stats.multitest import multipletests

from experiments import tables
from experiments.sources import task_params
from experiments.study.grid import Task, load_task
from experiments.study.run import keep, predict, write
from labelmint.core.arms import training_sets
from labelmint.core.errors import DataError
from labelmint.core.params import Arm, Llm, load_params
from labelmint.core.records import ArmRow, Kept
from labelmint.llm.base import LanguageModel
from labelmint.scoring.bootstrap import Bootstrap
from labelmint.scoring.compare import score_of
from labelmint.scoring.scores import ArmPredictions, Ints, scores_by_seed
from labelmint.students.base import Student
from labelmint.tasks.cards import load_card

SEEDS = [1, 2, 3]
DRAWN = 0.8  # share of the kept rows that each seed draws
ROWS = {"as written": "none", "checked": "relabel"}  # and the `labelling.action` that makes them
REAL, PLAIN = "real", "plain"

OpenModel = Callable[[Llm], AbstractContextManager[LanguageModel]]


@dataclass(frozen=True)
class MethodTask:
    """A task with its kept rows, and what its predictions are compared by."""

    task: Task
    bootstrap: Bootstrap
    open_model: OpenModel

    @property
    def name(self) -> str:
        """Return the task's name."""
        return self.task.params.task

    @property
    def truth(self) -> Ints:
        """Return the numbers of the test rows' labels."""
        return self.task.truth

    @cached_property
    def kept(self) -> dict[str, list[Kept]]:
        """The kept rows by the names of `ROWS`."""
        with self.open_model(self.task.params.llm) as model:
            candidates, _ = write(self.task, model)
            return {rows: keep(self.task, candidates, action, model) for rows, action in ROWS.items()}

    def drawn(self, rows: str) -> tuple[Arm, list[dict[str, list[ArmRow]]]]:
        """Return the arm of real and made rows, and the rows of it and of the real ones, for each seed."""
        return draw(self.task, self.kept[rows])

    def predict(
        self, student: Student, name: str, rows_by_seed: Sequence[Sequence[ArmRow]]
    ) -> ArmPredictions:
        """Fit the student on each seed's rows and predict the test inputs."""
        return predict(self.task, student, name, rows_by_seed)

    def entry(self, arm: ArmPredictions, plain: ArmPredictions) -> dict[str, Any]:
        """Return an arm's score, and its gain over the plain one."""
        scores = [scores_by_seed(one, self.truth, self.bootstrap.labels, "accuracy") for one in (arm, plain)]
        gain = {
            "accuracy": round(float(scores[0].mean() - scores[1].mean()), 4),
            **self.bootstrap.gain(arm, plain),
        }
        return {
            "train_rows": arm.train_rows,
            "accuracy": score_of(scores[0], self.bootstrap.scores(arm)),
            "gain": {} if arm is plain else gain,
        }


def draw(task: Task, kept: Sequence[Kept]) -> tuple[Arm, list[dict[str, list[ArmRow]]]]:
    """Return the arm of real and kept rows, and the rows of it and of the real ones, for each seed."""
    arm = Arm(real="all", synthetic=round(DRAWN * len(kept)))
    arms, drawn = {PLAIN: arm, REAL: Arm(real="all")}, []
    for seed in SEEDS:
        sets, left_out = training_sets(arms, task.rows.train, [], kept, [], seed)
        for reason in left_out.values():
            raise DataError(f"methods: {task.params.task}: {reason}")
        drawn.append(sets)
    return arm, drawn


def load(name: str, student: str, open_model: OpenModel) -> MethodTask:
    """Read the task with the settings of `experiments.sources`, so that its texts are in the cache.

    Raises `DataError` if it is one of pairs, or there are no real rows.
    """
    if not load_params().real.rows:
        raise DataError("params.yaml: real.rows: 0: the methods choose among real rows; say 100, for example")
    if load_card(name).pair_name is not None:
        raise DataError(
            f"data/tasks/{name}.yaml: pair_name: the methods are measured on single texts; name another task"
        )
    params = task_params(name, student)
    task = load_task(params.model_copy(update={"train": params.train.model_copy(update={"seeds": SEEDS})}))
    evaluate, labels = params.evaluate, len(task.card.label_names)
    bootstrap = Bootstrap(task.truth, labels, evaluate.bootstrap_samples, evaluate.seed)
    return MethodTask(task, bootstrap, open_model)


def table(
    entries: Sequence[tuple[list[str], Mapping[str, Any]]],
    more: Callable[[Mapping[str, Any]], list[str]] = lambda _: [],
) -> list[str]:
    """Return the lines of a table: each entry's first cells, accuracy, gain, corrected p-value, and `more`.

    The last of the first cells names what was compared. Only methods are tested, not `PLAIN` and `REAL`.
    """
    tested = [entry["gain"]["p_value"] for first, entry in entries if first[-1] not in (PLAIN, REAL)]
    p_values = iter(multipletests(tested, method="holm")[1])
    lines = []
    for first, entry in entries:
        gain = tables.gain(entry["gain"]) if entry["gain"] else "–"
        p_value = "–" if first[-1] in (PLAIN, REAL) else f"{next(p_values):.3f}"
        cells = [*first, tables.score(entry), gain, p_value, *more(entry)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
