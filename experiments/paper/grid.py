"""The grid of Li et al. (2024): tasks with their rows, prompt methods, numbers of rows.

A change of these numbers makes the next run renew the results that it concerns.
"""

from __future__ import annotations

import math
from pathlib import Path

from experiments import engine
from experiments.engine import Task
from labelmint.core.errors import DataError
from labelmint.core.params import Params, load_params
from labelmint.tasks.cards import Source, TaskCard, load_card

PAPER_TASKS = ["sst2", "emotion", "nyt", "amazon", "rte", "boolq"]
TASKS = [*PAPER_TASKS, "rotten_tomatoes", "bbc_news", "tweets"]
TEXT_FIRST = "text_first"  # what the paper advises against: the model writes a text, and then its label
METHODS: dict[str, dict[str, str]] = {  # and their settings
    **{name: {"generate.method": name} for name in ("zero_shot", "one_shot", "few_shot", "zero_shot_topic")},
    TEXT_FIRST: {"generate.method": "few_shot", "generate.order": "text_first"},
}
REAL_ROWS = (100, 1000)  # nested; demonstrations are drawn from the first alone
SYNTHETIC_ROWS = 1000  # of the kept ones, another draw per seed
CANDIDATES_PER_ROW = 1.152  # the filter rejects some
TEST_ROWS = 1000
SEEDS = [1, 2, 3]
STUDENT = "linear_head"  # fine_tune is ten times slower
# The paper writes one text a prompt. Of params.yaml's 48, a smaller table has no prompt for rare labels.
SAMPLES_PER_PROMPT = 12


def grid_params(task: str, rows: int) -> Params:
    """Return params.yaml with the grid's numbers, for so many synthetic rows."""
    params = load_params()
    # Of texts that come first those without a label go.
    disabled = [rule for rule in params.filter.disabled_rules if rule != "no_label"]
    return params.changed(
        {
            "task": task,
            "arms": {"real": {"real": "all"}},
            "real.rows": REAL_ROWS[0],
            "prepare.test_rows": TEST_ROWS,
            "generate.order": "label_first",
            "generate.candidates": math.ceil(rows * CANDIDATES_PER_ROW),
            "generate.samples_per_prompt": SAMPLES_PER_PROMPT,
            "labelling.demonstrations": 0,  # the answer of the language model by itself is zero-shot
            "filter.disabled_rules": disabled,
            "train.seeds": SEEDS,
            "train.student": STUDENT,
        }
    )


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
