"""Show the rows that the student gets wrong: candidates in two rounds.

After ReverseGen (2024, arXiv 2410.16736), whose generator learns to write what the target model fails on, and
Synthesize Step by Step (Wang et al. 2023, arXiv 2310.13671), which writes more texts like the student's
errors. The first half of the candidates is written plainly, filtered and labelled; the student is trained on
them and the real rows by folds, and what it gets wrong of the fold that it hasn't seen is shown in the second
half's prompts, beside random real rows. A written row counts only if its label is clear: a small margin of
the label scores is a sign that the label is wrong, and not the student.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from experiments import tables
from experiments.engine import PLAIN, Task
from experiments.methods import shown
from experiments.methods.rows import MethodTask
from experiments.sources import TEXTS
from labelmint.core.arrays import Bools, Floats, Floats32, Ints
from labelmint.core.records import Candidate, Labelled, input_of
from labelmint.encoder.vectors import embed_rows
from labelmint.labelling.pool import classify, out_of_fold
from labelmint.labelling.scores import score_candidates, score_labels
from labelmint.llm import open_model
from labelmint.llm.base import LanguageModel
from labelmint.rules.apply import apply_rules
from labelmint.rules.filtering import Filtering, leading
from labelmint.students.base import label_numbers

FAILURES = "failures"
# The page's columns: what was wrong after the first half, and real texts that look the same.
_ROWS = "task | real rows wrong | accepted rows wrong, clear label | unclear label: likely noise"
_TEXTS = "labels of real texts right | student differs, clear label | student differs, unclear label"
MOST_SHOWN = 0.5  # of a prompt's rows
CLEAR = float(np.log(9))  # least margin: the label is nine times as probable as the second


@dataclass(frozen=True)
class Round:
    """The real rows, then the accepted ones, and what the student makes of them.

    `vectors` (rows, width), `labels` (rows,); `margins` (rows,) of the label scores, infinite for real rows;
    `wrong` (rows,): the student, trained without the row, says another label.
    """

    rows: list[Labelled]
    vectors: Floats32
    labels: Ints
    margins: Floats
    wrong: Bools

    @property
    def failures(self) -> list[Labelled]:
        """Return the wrong rows whose labels are clear."""
        return [self.rows[place] for place in np.flatnonzero(self.wrong & (self.margins >= CLEAR))]

    def summary(self) -> dict[str, int]:
        """Return how many rows there are of each kind."""
        written, clear = np.isfinite(self.margins), self.margins >= CLEAR
        return {
            "real": int((~written).sum()),
            "real_wrong": int((~written & self.wrong).sum()),
            "accepted": int(written.sum()),
            "accepted_wrong": int((written & clear & self.wrong).sum()),
            "likely_noise": int((written & ~clear & self.wrong).sum()),
        }


def run(whole: MethodTask) -> dict[str, Any]:
    """Return the scores of both ways of writing, and what the student got wrong after the first half."""
    task = shown.smaller_task(whole)
    with open_model(task.params.llm) as model:
        sets = shown.plain_sets(whole, task, model)
        prompts = len(sets[PLAIN]) // task.params.generate.samples_per_prompt
        first = sets[PLAIN][: prompts // 2 * task.params.generate.samples_per_prompt]
        found = first_round(task, first, model)
        choose = partial(shown_rows, task, found.failures)
        second = shown.write_showing(task, model, choose, prompts // 2)
        sets = {**sets, FAILURES: [*first, *second]}
        return {
            "found": found.summary(),
            "real_texts": label_noise(task, found, model),
            "sets": shown.compare(task, sets, model),
        }


def first_round(task: Task, candidates: Sequence[Candidate], model: LanguageModel) -> Round:
    """Filter and label candidates, and ask about each row a student that wasn't trained on it."""
    params, card, train = task.params, task.card, task.train
    scores = score_candidates(task, candidates, model).texts
    filtering = apply_rules(Filtering(task, candidates, scores))
    accepted = [
        Labelled(id=row["id"], text=row["text"], label=filtering.labels[row["id"]])
        for row in filtering.remaining
    ]
    rows, names = [*train, *accepted], card.label_names
    labels = label_numbers(rows, names)
    vectors = filtering.vectors.of(rows)
    unseen = out_of_fold(vectors, labels, len(names), params.labelling.seed)
    # Rows of a label too rare for folds have no prediction.
    wrong = ~np.isnan(unseen).any(axis=1) & (unseen.argmax(axis=1) != labels)
    margins = np.full(len(rows), np.inf)
    margins[len(train) :] = [leading(scores[row["id"]])[1] for row in accepted]
    return Round(rows, vectors, labels, margins, wrong)


def shown_rows(task: Task, failures: Sequence[Labelled], number: int, label: str) -> list[Labelled]:
    """Return the rows that a prompt shows: failures of its label up to `MOST_SHOWN`, and random real ones."""
    count = task.params.generate.demonstrations
    draw = random.Random(f"{task.params.generate.seed}:{number}:failures")
    wrong = [row for row in failures if row["label"] == label]
    chosen = draw.sample(wrong, min(int(MOST_SHOWN * count), len(wrong)))
    others = [row for row in task.train if row["label"] == label and row not in chosen]
    return [*chosen, *draw.sample(others, min(count - len(chosen), len(others)))]


def label_noise(task: Task, found: Round, model: LanguageModel) -> dict[str, Any]:
    """Return how often labels are right of real texts that look like failures, by the margin of their label.

    The student and the label scorers have not seen these texts, whose true labels are known.
    """
    params, names, real = task.params, task.card.label_names, task.rows.pool[:TEXTS]
    scores = score_labels(task, [input_of(row) for row in real], model).texts
    best, leads = zip(*(leading(scores[row["id"]]) for row in real), strict=True)
    judged, margins = np.array(best), np.array(leads)
    vectors, seed = embed_rows(params.train, real), params.labelling.seed
    student = classify(found.vectors, found.labels, len(names), vectors, seed).argmax(axis=1)
    right, differs = judged == label_numbers(real, names), judged != student
    accepted = margins >= params.labelling.min_margin
    parts = {
        "accepted": accepted,
        "accepted_wrong": accepted & (margins >= CLEAR) & differs,
        "likely_noise": accepted & (margins < CLEAR) & differs,
    }
    return {
        name: {"texts": int(part.sum()), "labels_right": int(right[part].sum())}
        for name, part in parts.items()
    }


def page(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of this part of the page."""
    return [
        "## Rounds that show what the student gets wrong (ReverseGen 2024, Synthesize Step by Step 2023)\n",
        "*plain*: all prompts show random real rows. *failures*: after the first half of as many candidates, "
        "up to half of what a prompt shows are rows that a linear head, trained without them, gets wrong: "
        "real ones, and accepted ones whose label is nine times as probable as the second. *plain again*: "
        "other prompts that show random rows; how far it is from *plain* is chance. No row goes for the "
        "labels' shares here: of tweets hardly any would be left. *Label kept*: the share of the rows with "
        "the label that was asked for.\n",
        *shown.lines(results, "rounds"),
        "\nWhat the student got wrong after the first half; then how many labels of held-back real texts are "
        "right that look the same: labels by the scorers, and a student that says another.\n",
        *tables.table(f"{_ROWS} | {_TEXTS}", map(_found, results)),
        "",
    ]


def _found(result: Mapping[str, Any]) -> list[str]:
    of, real = result["rounds"]["found"], result["rounds"]["real_texts"]
    return [
        result["task"],
        f"{of['real_wrong']} of {of['real']}",
        f"{of['accepted_wrong']} of {of['accepted']}",
        str(of["likely_noise"]),
        *(f"{part['labels_right']} of {part['texts']}" for part in real.values()),
    ]
