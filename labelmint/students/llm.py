"""The language model itself as a classifier: shown a few training rows, it scores the labels of each text.

A language model prefers some labels whatever the text, and the labels of test inputs stay out of reach; so
one offset per label is chosen such that the mean probability of each label is its share of the training rows
(prior matching, Liusie et al. 2023). The mean score would do for balanced labels, but give a rare label as
many texts as a common one. The offsets are fitted on the inputs and the training rows that aren't shown:
without these, a handful of inputs would be forced into shares that they needn't have. A temperature, fitted
on the real ones among these rows, makes the probabilities right as often as they say. A saved student keeps
both.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy.special import softmax

from labelmint.core.arrays import Floats, Floats32, numbers_of
from labelmint.core.calibration import fit_temperature
from labelmint.core.errors import ModelError
from labelmint.core.records import Input, Labelled, texts_of
from labelmint.labelling.choices import (
    ChoiceScorer,
    choices_of,
    draw_demonstrations,
    labelled_prompt,
    suffix_of,
)
from labelmint.labelling.offsets import label_shares, matching_offsets
from labelmint.llm import open_model
from labelmint.students.base import Setting, Student, real_rows
from labelmint.students.saving import read_student, whole_folder, write_student
from labelmint.tasks.cards import row_text

_NEVER_READABLE = 100_000  # characters, of which a model reads some hundred tokens


class LlmStudent(Student):
    """Ask the language model of params.yaml's `llm` about each text."""

    name = "llm"

    def __init__(self, setting: Setting) -> None:
        self.setting, self.card = setting, setting.card
        self.label_names: Sequence[str] = self.card.label_names
        self._stack = ExitStack()
        self.model = self._stack.enter_context(open_model(setting.params.llm))
        self.shown = 0
        self.hidden: Floats | None = None  # scores of the training rows that aren't shown
        self.offsets, self.temperature = np.zeros(len(self.label_names)), 1.0

    def fit(self, rows: Sequence[Labelled], seed: int, unclear: Sequence[Labelled] = ()) -> None:
        """Draw the rows to show, as the labelling does with this seed, and score the others."""
        shown = draw_demonstrations(seed, self.setting.params.labelling.demonstrations, self.card, rows)
        self.shown, self.prompt = len(shown), labelled_prompt(self.card, shown)
        others = [row for row in rows if row not in shown]
        self.hidden = self._score(others)[0]
        self.hidden_labels = numbers_of(others, self.label_names)
        self.hidden_real = real_rows(others)
        self.prior = label_shares(self.label_names, rows)
        self._calibrate(self.hidden)

    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels); after `fit`, refit the offsets."""
        scores, _ = self._score(inputs)
        if self.hidden is not None:
            self._calibrate(np.concatenate([scores, self.hidden]))
        return np.asarray(softmax((scores - self.offsets) / self.temperature, axis=1))

    def _calibrate(self, scores: Floats) -> None:
        """Fit the offsets on these scores, then the temperature on the real rows that aren't shown."""
        self.offsets = matching_offsets(scores, self.prior)
        if self.hidden is not None:
            real = self.hidden_real
            self.temperature = fit_temperature(self.hidden[real] - self.offsets, self.hidden_labels[real])

    def summary(self) -> dict[str, Any]:
        """Return how it was asked."""
        offsets = zip(self.label_names, self.offsets, strict=True)
        return {
            "demonstrations": self.shown,
            "offsets": {name: round(float(value), 4) for name, value in offsets},
            "temperature": round(self.temperature, 4),
        }

    def save(self, folder: Path) -> None:
        """Write the prompt, the choices, the offsets, and the language model's name and hash."""
        with whole_folder(folder) as temporary:
            write_student(
                temporary,
                self.name,
                self.label_names,
                model=self._model(),
                prompt=self.prompt,
                question=self.card.question,
                choices=choices_of(self.card),
                **self._fitted(),
            )

    @classmethod
    def load(cls, folder: Path, setting: Setting | None) -> Self:
        """Open a saved student with the language model of `setting`, which must be the same."""
        if setting is None:
            raise ModelError(f"{folder}: it needs its language model; run in the project's folder")
        content = read_student(folder)
        if (content["question"], content["choices"]) != (setting.card.question, choices_of(setting.card)):
            raise ModelError(f"{folder}: made with another task card; train it again")
        student = cls(setting)
        try:
            if content["model"]["hash"] != student._model()["hash"]:
                raise ModelError(
                    f"{folder}: made with the language model {content['model']['name']}, not with "
                    "params.yaml's llm; set that back, or train the student again"
                )
            student.prompt = content["prompt"]
            student._restore(content)
        except BaseException:
            student.close()
            raise
        return student

    def close(self) -> None:
        """Free the language model."""
        self._stack.close()

    def _fitted(self) -> dict[str, Any]:
        """Return what was learnt from the rows beside the prompt, as JSON types."""
        return {"offsets": self.offsets.tolist(), "temperature": self.temperature}

    def _restore(self, content: Mapping[str, Any]) -> None:
        """Take what `_fitted` returned."""
        self.offsets = np.array(content["offsets"])
        self.temperature = float(content["temperature"])

    def _score(self, rows: Sequence[Input]) -> tuple[Floats, Floats32]:
        """Return log-probabilities of the labels, shape (rows, labels), and hidden states, (rows, width)."""
        self.setting.on_planned(len(rows))
        scorer = ChoiceScorer(self.card, self.prompt, self.model)
        try:
            return scorer.score([self._readable(row) for row in rows], self.setting.on_rows)
        except ModelError as error:
            raise ModelError(f"{error}; or remove arms with student: {self.name}") from None

    def _readable(self, row: Input) -> str:
        """Return the row's text, its end cut off as far as it is too long, as encoders do.

        `prepare` has no training or test row that is too long; `labelmint predict` may.
        """

        def text(characters: int) -> str:
            first, *second = (each[:characters] for each in texts_of(row))
            part = Input(id=row["id"], text=first)
            if second:
                part["text_pair"] = second[0]
            return row_text(self.card, part)

        def fits(characters: int) -> bool:
            suffix = suffix_of(self.card, text(characters))
            return self.model.fits(self.prompt, suffix, choices_of(self.card))

        longest = max(map(len, texts_of(row)))
        if fits(longest):
            return text(longest)
        # The most characters that fit.
        return text(bisect(range(min(longest, _NEVER_READABLE)), False, key=lambda at: not fits(at + 1)))

    def _model(self) -> dict[str, str]:
        llm = self.setting.params.llm
        name = llm.model if llm.backend == "llama_cpp" else llm.server.model
        return {"name": name, "hash": str(self.model.identity["model"])}
