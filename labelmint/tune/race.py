"""Sequential halving (Karnin et al. 2013): spend the texts on the settings that look best.

In each round every remaining setting writes equally many new texts and is scored by these alone. The better
half goes on, and the current settings always do: so the last round compares the best change with them, on
texts that decided nothing before. Optuna would bring six packages for what these lines do.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from labelmint.core.errors import ParamsError
from labelmint.core.records import Candidate
from labelmint.encoder.vectors import Vectors, embed_rows
from labelmint.labelling.scores import score_candidates
from labelmint.llm.base import LanguageModel
from labelmint.rules.apply import apply_rules
from labelmint.rules.filtering import Filtering, can_be_scored, scorable
from labelmint.tasks.task import Task
from labelmint.tune.score import Outcome, discriminate, outcome_of
from labelmint.tune.settings import TEXTS_PER_PROMPT, WAVE_TEXTS, Setting

Round = dict[str, Outcome]  # by the settings' names
Written = tuple[list[Candidate], float]  # texts and seconds


def plan_rounds(settings: int, candidates: int) -> list[tuple[int, int]]:
    """Return for each round how many settings it has, and how many waves each of them writes.

    Raise `ParamsError` if the candidates are too few.
    """
    sizes = [settings]
    while sizes[-1] > 2:
        sizes.append(-(-sizes[-1] // 2))
    least = len(sizes) * settings * WAVE_TEXTS
    if candidates < least:
        raise ParamsError(
            f"--candidates {candidates}: too few for {settings} settings in {len(sizes)} rounds; say {least}"
        )
    return [(size, candidates // (len(sizes) * size * WAVE_TEXTS)) for size in sizes]


def run_race(task: Task, model: LanguageModel, settings: Sequence[Setting], candidates: int) -> list[Round]:
    """Write texts and score them; `settings` begin with the current ones."""
    current, *others = settings
    plan, rounds = plan_rounds(len(settings), candidates), list[Round]()
    todo, done, first, begin = sum(size * waves for size, waves in plan), 0, 0, time.monotonic()
    for number, (size, waves) in enumerate(plan, 1):
        others = others[: size - 1]
        title = f"tune, round {number} of {len(plan)}"
        written = {each.name: each.write(first, waves, title) for each in (current, *others)}
        rounds.append(measure(task, model, written))
        others.sort(key=lambda each: -rounds[-1][each.name].score)
        first, done = first + waves, done + size * waves
        minutes = (time.monotonic() - begin) / 60 * (todo - done) / done
        texts = f"{done * WAVE_TEXTS} of {todo * WAVE_TEXTS} texts"
        print(f"{title}: {texts}, about {minutes:.0f} minutes left", file=sys.stderr)
    return rounds


def measure(task: Task, model: LanguageModel, written: dict[str, Written]) -> Round:
    """Score the texts of all settings together, and then each by itself."""
    params, train = task.params, task.train
    together = [row for rows, _ in written.values() for row in rows]
    scores = score_candidates(task, together, model).texts
    # The scorer `classifier` embeds the same lists, so that their vectors are in the cache.
    embed = Vectors(partial(embed_rows, params.train), scorable(params.filter, together), train).of

    def best(row: Candidate) -> str:
        return task.card.label_names[scores[row["id"]].argmax()]

    def measured(rows: list[Candidate], seconds: float) -> Outcome:
        # No test row is compared with: nothing is kept of these texts that could leak.
        filtering = apply_rules(Filtering(replace(task, test=[]), rows, scores, embed))
        passed = {row["id"] for row in filtering.remaining}
        finished = np.array([can_be_scored(row) for row in rows])
        accepted = np.array([row["id"] in passed for row in rows])
        agreed = np.array([can_be_scored(row) and best(row) == row["label"] for row in rows])
        places, above = np.flatnonzero(finished), np.zeros((len(rows), len(train)))
        texts, prompts = embed([rows[place] for place in places]), places // TEXTS_PER_PROMPT
        above[places] = discriminate(texts, embed(train), prompts.tolist(), params.generate.seed)
        label_scores = {row["id"]: scores[row["id"]] for row in rows if row["id"] in scores}
        outcome = outcome_of(agreed, accepted, finished, above, seconds)
        return replace(outcome, rows=rows, label_scores=label_scores)

    return {name: measured(*texts) for name, texts in written.items()}
