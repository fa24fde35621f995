"""A language model that costs nothing: only what is done with its answers is measured."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from labelmint.llm.base import ChoiceScores, Completion, PromptGroup, Sampling

_WORDS = [f"word{number}" for number in range(3000)]
_STATE_WIDTH = 640  # of the default language model's hidden states


class ScriptedModel:
    """Writes random words, and scores by a hash of the text."""

    kind: Literal["base", "chat"] = "base"
    can_give_states = True

    @property
    def identity(self) -> dict[str, Any]:
        """Return a constant."""
        return {"model": "scripted", "kind": self.kind}

    def check_wave(self, groups: Sequence[PromptGroup], sampling: Sampling) -> None:
        """Accept prompts of any length."""

    def write_wave(
        self,
        groups: Sequence[PromptGroup],
        sampling: Sampling,
        on_text: Callable[[Completion], None] | None = None,
    ) -> list[list[Completion]]:
        """Write a text for each seed."""
        written = [[self.write(group.prompt, seed) for seed in group.seeds] for group in groups]
        for text in (text for texts in written for text in texts):
            if on_text:
                on_text(text)
        return written

    def write(self, prompt: str, seed: int) -> Completion:
        """Write random words."""
        return Completion(" ".join(random.Random(seed).choices(_WORDS, k=20)), 20, "stop")

    def score(self, prefix: str, suffixes: Sequence[str], choices: Sequence[str]) -> ChoiceScores:
        """Return scores and hidden states that a text always has."""
        draws = [np.random.default_rng(zlib.crc32(text.encode("utf-8", "replace"))) for text in suffixes]
        scores = np.stack([draw.normal(0, 2, len(choices)) for draw in draws])
        states = np.stack([draw.standard_normal(_STATE_WIDTH) for draw in draws])
        return ChoiceScores(scores.astype(np.float32), states.astype(np.float32))

    def fits(self, prefix: str, suffix: str, choices: Sequence[str]) -> bool:
        """Read texts of any length."""
        return True

    def chat_prompt(self, user: str, answer_start: str) -> str:
        """Do without a template."""
        return f"{user}{answer_start}"
