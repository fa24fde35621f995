"""Have the local language model write candidates.

Reads the task card, data/real/train.jsonl and facts.jsonl; writes data/synthetic/prompts.jsonl, ideas.jsonl
and candidates.jsonl and metrics/generate.json. Run alone: `python -m stages.generate`.
"""

from __future__ import annotations

from labelmint.core import paths
from labelmint.core.errors import run_stage
from labelmint.core.params import load_params
from labelmint.core.records import Fact, Labelled, read_rows, write_metrics, write_rows
from labelmint.generation.plan import distinct
from labelmint.generation.session import Session, summary
from labelmint.llm import open_model
from labelmint.tasks.cards import load_card
from labelmint.tasks.task import Task


def main() -> None:
    """Write candidates for drawn labels."""
    params = load_params()
    card, rows = load_card(params.task), read_rows(paths.REAL_TRAIN, Labelled)
    task = Task(params, card, rows, facts=read_rows(paths.FACTS, Fact))
    with open_model(params.llm) as model:
        session = Session(task, model)
        waves = session.waves()
        candidates, seconds = session.write(waves, "generate", refuse_useless=True)
    write_rows(paths.PROMPTS, distinct(waves))
    write_rows(paths.IDEAS, session.ideas)
    write_rows(paths.CANDIDATES, candidates)
    write_metrics(paths.METRICS / "generate.json", summary(candidates, seconds))


if __name__ == "__main__":
    run_stage("generate", main)
