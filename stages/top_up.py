"""Write more candidates, until each label has `filter.rows_per_label` accepted rows or the budget is spent.

Reads what `filter` reads, and data/real/facts.jsonl; writes data/synthetic/top_up_candidates.jsonl (ids
continue those of candidates.jsonl), top_up_prompts.jsonl (the prompts that prompts.jsonl lacks) and
metrics/top_up.json. With rows_per_label: 0 both are empty, and no model is opened.
Run alone: `python -m stages.top_up`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labelmint.core import paths
from labelmint.core.errors import run_stage
from labelmint.core.params import load_params
from labelmint.core.records import (
    Candidate,
    Fact,
    Input,
    Labelled,
    Prompt,
    read_rows,
    write_metrics,
    write_rows,
)
from labelmint.generation.top_up import TopUpRounds, report
from labelmint.llm import open_model
from labelmint.tasks.cards import load_card
from labelmint.tasks.task import Task


def main() -> None:
    """Write candidates for the labels that are short, in rounds."""
    params = load_params()
    if not params.filter.rows_per_label:
        write([], [], report({}, [], (), params.top_up))
        return
    card, train = load_card(params.task), read_rows(paths.REAL_TRAIN, Labelled)
    candidates, test = read_rows(paths.CANDIDATES, Candidate), read_rows(paths.TEST_INPUTS, Input)
    task = Task(params, card, train, test, read_rows(paths.FACTS, Fact))
    with open_model(params.llm) as model:
        rounds = TopUpRounds(task, candidates, model)
        rounds.run()
    metrics = report(rounds.wanted, rounds.rounds, rounds.given_up, params.top_up, rounds.seconds)
    write(rounds.added, rounds.added_prompts(), metrics)


def write(candidates: Sequence[Candidate], prompts: Sequence[Prompt], metrics: Mapping[str, Any]) -> None:
    """Write the stage's outputs."""
    write_rows(paths.TOP_UP_CANDIDATES, candidates)
    write_rows(paths.TOP_UP_PROMPTS, prompts)
    write_metrics(paths.METRICS / "top_up.json", metrics)


if __name__ == "__main__":
    run_stage("top_up", main)
