"""A linear classifier on the language model's hidden state, read after labelled rows (PALP).

Where the model would say the label, its last hidden state knows more than its answer tells (Cho et al. 2023,
arXiv 2212.10873): on BBC news the answer is right on 87 % of the texts, the probe on 94 %, in the same time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labelmint.core.arrays import Floats
from labelmint.core.errors import ModelError
from labelmint.core.records import Input, Labelled
from labelmint.encoder.linear import fit_head, head_probabilities
from labelmint.labelling.choices import draw_demonstrations, labelled_prompt, unit
from labelmint.students.base import Setting, label_numbers, row_weights
from labelmint.students.held_out import head_splits
from labelmint.students.llm import LlmStudent


class LlmProbe(LlmStudent):
    """Fit logistic regression on the hidden states of the rows that the model isn't shown."""

    name = "llm_probe"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        if not self.model.can_give_states:
            self.close()
            raise ModelError(
                "params.yaml: llm.backend: a server gives no hidden states; remove arms with student: "
                "llm_probe, or set llm.backend: llama_cpp"
            )

    def fit(self, rows: Sequence[Labelled], seed: int, unclear: Sequence[Labelled] = ()) -> None:
        """Draw the rows to show, read the others, and fit the head on their hidden states.

        Where the others would have fewer than two labels, none are shown.
        """
        shown = draw_demonstrations(seed, self.setting.params.labelling.demonstrations, self.card, rows)
        others = [row for row in rows if row not in shown]
        if len({row["label"] for row in others}) < 2:
            shown, others = [], list(rows)
        labels = label_numbers(others, self.label_names)
        self.shown, self.prompt = len(shown), labelled_prompt(self.card, shown)
        all_rows = [*others, *unclear]
        states = unit(self._score(all_rows)[1])
        count, splits = len(self.label_names), head_splits(all_rows, self.label_names)
        self.weight, self.bias = fit_head(states, labels, count, seed, row_weights(all_rows), splits)

    def predict_proba(self, inputs: Sequence[Input]) -> Floats:
        """Return the labels' probabilities, shape (inputs, labels)."""
        if not inputs:
            return np.zeros((0, len(self.label_names)))
        return head_probabilities(unit(self._score(inputs)[1]), self.weight, self.bias)

    def summary(self) -> dict[str, Any]:
        """Return how many rows it was shown."""
        return {"demonstrations": self.shown}

    def _fitted(self) -> dict[str, Any]:
        return {"weight": self.weight.tolist(), "bias": self.bias.tolist()}

    def _restore(self, content: Mapping[str, Any]) -> None:
        self.weight, self.bias = (np.array(content[key], np.float32) for key in ("weight", "bias"))
