"""The table's tasks with their rows: those of their cards, or copies in a folder."""

from __future__ import annotations

from pathlib import Path

from experiments import engine
from experiments.engine import Task
from experiments.paper.grid import METHODS
from labelmint.core.errors import DataError
from labelmint.core.params import Params
from labelmint.tasks.cards import Source, TaskCard, load_card

PAPER_TASKS = ["sst2", "emotion", "nyt", "amazon", "rte", "boolq"]
TASKS = [*PAPER_TASKS, "rotten_tomatoes", "bbc_news", "tweets"]


def methods_of(card: TaskCard) -> list[str]:
    """Return the methods that suit a task: topics only where the card has a list of them."""
    return [method for method in METHODS if method != "zero_shot_topic" or card.topics]


def load_task(params: Params, data: Path | None = None) -> Task:
    """Read and split a task's rows, as `prepare` does; `data` is a folder with copies of those of the hub."""
    card = load_card(params.task)
    if data is not None and params.task in PAPER_TASKS:
        card = card.model_copy(update={"source": copies(card, params.task, data)})
    return engine.load_task(params, card)


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
