"""A scripted language model for tests and dry runs: instant, deterministic, no download."""

import random
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from experiments.reliability.scripted import ScriptedModel
from labelmint.core.errors import ModelError
from labelmint.llm.answers import NO_LOGPROBS
from labelmint.llm.base import ChoiceScores, Completion, PromptGroup, Sampling

Writer = Callable[[str, int], Completion]
Reader = Callable[[str, str], float]

_SUBJECTS = ["the film", "this story", "her acting", "the script", "its ending", "the camera work"]
_VERBS = ["feels", "is", "seems", "remains", "turns out"]
_FILLERS = ["slow", "bright", "long", "loud", "strange", "quiet", "plain", "busy", "old", "young"]


class FakeModel(ScriptedModel):
    """A model whose texts come from `writer(prompt, seed)` and whose scores from `reader(text, choice)`."""

    def __init__(
        self,
        writer: Writer | None = None,
        reader: Reader | None = None,
        kind: Literal["base", "chat"] = "base",
        can_score: bool = True,  # False: as a server without log-probabilities
        can_give_states: bool = True,
    ) -> None:
        self.writer = writer or write_sentence
        self.reader = reader or read_words
        self.kind = kind
        self.can_score, self.can_give_states = can_score, can_give_states
        self.waves_written = 0
        self.texts_scored = 0

    @property
    def identity(self) -> dict[str, Any]:
        """Return a constant: the script is not part of it."""
        return {"model": "fake", "kind": self.kind}

    def write_wave(
        self,
        groups: Sequence[PromptGroup],
        sampling: Sampling,
        on_text: Callable[[Completion], None] | None = None,
    ) -> list[list[Completion]]:
        """Write with the script."""
        self.waves_written += 1
        return super().write_wave(groups, sampling, on_text)

    def write(self, prompt: str, seed: int) -> Completion:
        """Write a text with the script."""
        return self.writer(prompt, seed)

    def score(self, prefix: str, suffixes: Sequence[str], choices: Sequence[str]) -> ChoiceScores:
        """Score with the script; the scores are the hidden states, too."""
        if not self.can_score:
            raise ModelError(f"llm.server: an answer has no logprobs, {NO_LOGPROBS}")
        self.texts_scored += len(suffixes)
        scores = [[self.reader(suffix, choice) for choice in choices] for suffix in suffixes]
        log_probabilities = np.array(scores, np.float32).reshape(len(suffixes), len(choices))
        states = log_probabilities if self.can_give_states else log_probabilities[:, :0]
        return ChoiceScores(log_probabilities, states)

    def chat_prompt(self, user: str, answer_start: str) -> str:
        """Wrap in a template of its own."""
        return f"<user>{user}</user><assistant>{answer_start}"


def write_sentence(prompt: str, seed: int) -> Completion:
    """Write a random sentence that often, but not always, says the last label word of the prompt."""
    draw = random.Random(seed)
    words = [draw.choice(_SUBJECTS), draw.choice(_VERBS)]
    words += draw.sample(_FILLERS, 4)
    mood = "awful" if prompt.lower().rfind("negative") > prompt.lower().rfind("positive") else "great"
    words += ["and", mood if draw.random() < 0.9 else "odd"]
    return Completion(" ".join(words), len(words), "stop" if draw.random() < 0.95 else "length")


def read_words(text: str, choice: str) -> float:
    """Prefer "negative" for texts that say "awful", and everything else otherwise."""
    return 0.0 if ("awful" in text) == ("negative" in choice) else -2.0
