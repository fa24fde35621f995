"""Forgetting surface patterns: a bounded penalty on the made rows that look most as if written.

"Unveiling the Flaws" (Chen et al. 2024, arXiv 2406.12397) takes the patterns of synthetic data out of a model
by unlearning with a bounded loss. Here the loss of these rows is the cross-entropy to the uniform
distribution, which is at least log(labels): a model that is as unsure as can be of them has nothing more to
gain, so training can't diverge. In weighted rows: each of them once more with every label, of weight
strength / labels.

A fine-tuned encoder is trained on all rows, then shortly on the real ones and these. A linear head, which
knows no order, is fitted on all rows and these. Of strength 0 both are the plain student. The strength is
chosen by cross-validation on the real rows, with a linear head for both, like the weights of
`labelmint.students.sources`.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from itertools import compress
from typing import Any, cast

import numpy as np

from experiments.engine import PLAIN, predict
from experiments.methods.patterns import look_written
from experiments.methods.rows import ROWS, MethodTask, compared, listed, students_of
from experiments.sources import TEXTS
from labelmint.core.records import ArmRow, Labelled, input_of
from labelmint.students.base import Setting, real_rows, row_weights
from labelmint.students.encoder import LinearHead
from labelmint.students.fine_tune import FineTuned
from labelmint.students.held_out import real_folds
from labelmint.students.sources import held_out_likelihood

SHARE = 0.25  # of the made rows: those that look most as if written
STRENGTHS = [0.0, 0.1, 0.3, 1.0]
LEFT_OUT, CHOSEN, STRONGEST = "left out", "forgetting", f"forgetting, {STRENGTHS[-1]:g}"


class HeadForgetting(LinearHead):
    """A linear head that is pulled towards the uniform distribution on the rows with these texts.

    Without `strength` it is chosen when fitting, and noted in `chosen`.
    """

    def __init__(self, setting: Setting, texts: Collection[str], strength: float | None = None) -> None:
        super().__init__(setting)
        self.texts, self.strength, self.chosen = texts, strength, list[float]()

    def fit(self, rows: Sequence[Labelled], seed: int, unclear: Sequence[Labelled] = ()) -> None:
        """Fit the head on all rows and the pull."""
        self._vectors(rows)  # as the plain student embeds them: the pull has texts of theirs
        super().fit([*rows, *self._pull(rows)], seed)

    def _pull(self, rows: Sequence[Labelled]) -> list[ArmRow]:
        """Return the rows that pull; none if cross-validation says so."""
        if self.strength is None:
            self.chosen.append(self._choose(rows))
        strength = self.chosen[-1] if self.strength is None else self.strength
        return pulls(rows, self.texts, self.label_names, strength) if strength else []

    def _choose(self, rows: Sequence[Labelled]) -> float:
        """Return the strength whose head gives held-out real rows the highest likelihood."""
        everything = [*rows, *pulls(rows, self.texts, self.label_names, 1.0)]
        weights = row_weights(everything)
        vectors = self._vectors(everything)
        splits = real_folds(everything, self.label_names)

        def likelihood(strength: float) -> float:
            scaled = np.concatenate([weights[: len(rows)], strength * weights[len(rows) :]])
            return held_out_likelihood(vectors, scaled, splits, len(self.label_names))

        return max(STRENGTHS, key=likelihood) if splits else 0.0


class FineTunedForgetting(HeadForgetting, FineTuned):
    """A fine-tuned encoder that is trained on with the real rows and the pull."""

    calibrates = False  # accuracies are compared

    def __init__(self, setting: Setting, texts: Collection[str], strength: float | None = None) -> None:
        super().__init__(setting, texts, strength)
        self.trained: dict[tuple[int, int], Any] = {}  # plain models by seed and number of rows

    def fit(self, rows: Sequence[Labelled], seed: int, unclear: Sequence[Labelled] = ()) -> None:
        """Fine-tune on all rows, once for all strengths, then on the real ones and the pull."""
        key = seed, len(rows)
        if key not in self.trained:
            FineTuned.fit(self, rows, seed)
            self.trained[key] = self.model
        self.model = copy.deepcopy(self.trained[key])
        if pull := self._pull(rows):
            self._train([*compress(rows, real_rows(rows)), *pull], seed)


def pulls(
    rows: Sequence[Labelled], texts: Collection[str], label_names: Sequence[str], strength: float
) -> list[ArmRow]:
    """Return the rows with these texts once for each label, with weights of the sum `strength`."""
    weight = strength / len(label_names)
    return [
        cast(ArmRow, {**input_of(row), "label": label, "source": "synthetic", "weight": weight})
        for row in rows
        if row["text"] in texts
        for label in label_names
    ]


def patterned(task: MethodTask, rows: str) -> set[str]:
    """Return the texts of the `SHARE` of the made rows that look most as if written, by patterns alone."""
    real = [row["text"] for row in task.rows.pool[:TEXTS]]
    written = [row["text"] for row in task.kept[rows]]
    scores = look_written(real, written)[0][len(real) :]
    return {written[place] for place in np.argsort(-scores, kind="stable")[: round(SHARE * len(written))]}


def run(task: MethodTask) -> dict[str, Any]:
    """Return by student and by the rows of `ROWS` the scores of forgetting and leaving out."""
    return {
        name: {rows: _compared(task, rows, kind, setting) for rows in ROWS}
        for name, (kind, setting) in students_of(task, HeadForgetting, FineTunedForgetting).items()
    }


def _compared(task: MethodTask, rows: str, kind: type[HeadForgetting], setting: Setting) -> dict[str, Any]:
    texts, drawn = patterned(task, rows), task.drawn(rows)[PLAIN]
    fewer = [[row for row in one if row["source"] == "real" or row["text"] not in texts] for one in drawn]
    arms: dict[str, tuple[float | None, Sequence[Sequence[ArmRow]]]] = {
        PLAIN: (0.0, drawn),
        LEFT_OUT: (0.0, fewer),
        CHOSEN: (None, drawn),
        STRONGEST: (STRENGTHS[-1], drawn),
    }
    student, predicted = kind(setting, texts), {}
    for name, (strength, of) in arms.items():
        student.strength = strength
        predicted[name] = predict(task, student, name, of)
    entries = task.scored(predicted)
    entries[CHOSEN]["strengths"] = student.chosen
    return entries


def page(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of this part of the page."""
    return [
        "## Forgetting surface patterns (Chen et al. 2024)\n",
        f"The {SHARE:.0%} of the made rows that look most as if written, by the classifier of the section "
        "above, are *left out*, or are *forgotten*: the student is trained on all rows, with a bounded "
        "penalty that pulls its answers on them towards the uniform distribution; for a fine-tuned encoder "
        "in a last short phase together with the real rows. *Strength*: of the penalty, chosen for each "
        f"seed by cross-validation on the real rows from {', '.join(f'{value:g}' for value in STRENGTHS)} "
        f"(0: plain); *{STRONGEST}*: always the last of these.\n",
        *compared("task | student | rows | method", listed(results, "forgetting"), "rows | strength", _size),
        "",
    ]


def _size(entry: Mapping[str, Any]) -> list[str]:
    strengths = ", ".join(f"{value:g}" for value in entry.get("strengths", []))
    return [str(entry["train_rows"]), strengths or "–"]
