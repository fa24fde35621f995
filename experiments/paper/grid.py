"""The paper's grid, and its tasks with their rows: from the hub, or from copies in a folder."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from experiments.sources import MINILM, MPNET
from experiments.study import grid
from experiments.study.grid import Task
from labelmint.core import paths
from labelmint.core.config import check, read_yaml
from labelmint.core.errors import DataError
from labelmint.core.params import Params, load_params
from labelmint.tasks.cards import Source, TaskCard

TASKS = ["sst2", "emotion", "nyt", "amazon", "rte", "boolq"]
METHODS = ["zero_shot", "one_shot", "few_shot", "zero_shot_topic"]
REAL_ROWS = (100, 1000)  # nested; demonstrations are drawn from the first alone
SYNTHETIC_ROWS = 1000
CANDIDATES_PER_ROW = 1.152  # the filter rejects some; as in experiments.study
# The paper writes one text a prompt. With params.yaml's 48, a smaller table has no prompt for rare labels.
SAMPLES_PER_PROMPT = 12
TEST_ROWS = 1000
SEEDS = [1, 2, 3]
STUDENTS = [MINILM, MPNET]  # encoders of 22 and 109 million weights, each with a linear head

CARDS = Path(__file__).parent / "tasks"
RESULTS = paths.METRICS / "paper"


def task_params(name: str, rows: int) -> Params:
    """Return params.yaml with the grid's numbers; the zero-shot answer of the language model sees no rows."""
    return load_params().changed(
        {
            "task": name,
            "arms": {"real": {"real": "all"}},
            "real.rows": REAL_ROWS[0],
            "prepare.test_rows": TEST_ROWS,
            "generate.candidates": math.ceil(rows * CANDIDATES_PER_ROW),
            "generate.samples_per_prompt": SAMPLES_PER_PROMPT,
            "labelling.demonstrations": 0,
            "train.seeds": SEEDS,
            "train.student": "linear_head",
        }
    )


def settings_of(params: Params, rows: int, data: Path | None) -> dict[str, Any]:
    """Return all that a result depends on but code and data; it is stored with the result."""
    content = params.model_dump(mode="json", exclude={"arms", "top_up"})
    source = "hub" if data is None else "copies"
    return {**content, "real_rows": list(REAL_ROWS), "synthetic_rows": rows, "source": source}


def methods_of(card: TaskCard) -> list[str]:
    """Return the methods that suit a task: topics only where the card has a list of them."""
    return [method for method in METHODS if method != "zero_shot_topic" or card.topics]


def card_path(name: str) -> Path:
    """Return the file of a task's card."""
    return CARDS / f"{name}.yaml"


def load_card(name: str) -> TaskCard:
    """Read and check a task's card."""
    return check(TaskCard, read_yaml(card_path(name)), card_path(name))


def load_task(params: Params, data: Path | None = None) -> Task:
    """Read and split a task's rows, as `prepare` does; `data` is a folder with copies of the hub's."""
    card = load_card(params.task)
    if data is not None:
        card = card.model_copy(update={"source": copies(card, params.task, data)})
    return grid.load_task(params, card, str(card_path(params.task)))


def copies(card: TaskCard, name: str, folder: Path) -> Source:
    """Return the source of a task's copies: `<task>_train` and `<task>_test`.

    Their columns are `text` (of pairs `premise` and `hypothesis`) and `label`.
    """
    found = {part: sorted(folder.glob(f"{name}_{part}.*")) for part in ("train", "test")}
    for part, files in found.items():
        if not files:
            raise DataError(
                f"--data {folder}: no file {name}_{part}.csv or .jsonl; put it there, or leave out --data "
                "to read the hub"
            )
    return Source(
        path=str(found["train"][0]),
        test_path=str(found["test"][0]),
        text_column="premise" if card.pairs else "text",
        pair_column="hypothesis" if card.pairs else None,
        label_column="label",
    )
