"""What the stages ask of a language model, so that tests can script one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from labelmint.core.arrays import Floats32


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn, and when to stop.

    In this order: top-k, top-p, min-p, temperature.
    """

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    max_new_tokens: int
    stop: str
    # Whether the first token must be neither white space nor an end. A server may ignore it.
    never_empty: bool = False

    @property
    def content(self) -> dict[str, Any]:
        """Everything that determines the text, for the cache's fingerprint."""
        content = dict(vars(self))
        if not self.never_empty:
            del content["never_empty"]
        return content


@dataclass(frozen=True)
class PromptGroup:
    """A prompt and one seed for each text to be written from it."""

    prompt: str
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Completion:
    """What was written after a prompt, up to the stop text; `tokens` counts what was sampled."""

    text: str
    tokens: int
    finish_reason: Literal["stop", "length"]


@dataclass(frozen=True)
class ChoiceScores:
    """How probable each choice is after each text, and the model's hidden states there."""

    # Shape (texts, choices); exact up to one constant per row, which softmax over a row takes out.
    log_probabilities: Floats32
    # At the last token of each text, shape (texts, width); width 0 where `can_give_states` is false.
    states: Floats32


class LanguageModel(Protocol):
    """A local model that writes in batches and reads in batches, both over shared prompt prefixes."""

    @property
    def kind(self) -> Literal["base", "chat"]:
        """Base models continue a text; chat models answer in their template."""

    @property
    def identity(self) -> dict[str, Any]:
        """Everything about the model and its run that determines its output, for the cache."""

    @property
    def can_give_states(self) -> bool:
        """Whether `score` gives hidden states."""

    def check_wave(self, groups: Sequence[PromptGroup], sampling: Sampling) -> None:
        """Raise `ModelError` if the prompts with their answers do not fit."""

    def write_wave(
        self,
        groups: Sequence[PromptGroup],
        sampling: Sampling,
        on_text: Callable[[Completion], None] | None = None,
    ) -> list[list[Completion]]:
        """Write every group's texts; the result depends on the arguments and `identity` alone.

        `on_text` is told of each text as it ends. Raises `ModelError` as `check_wave` does.
        """

    def score(self, prefix: str, suffixes: Sequence[str], choices: Sequence[str]) -> ChoiceScores:
        """Read each suffix after the prefix, and return how probable each choice is as what follows.

        Suffixes and choices are plain text: control tokens mean nothing in them.
        """

    def fits(self, prefix: str, suffix: str, choices: Sequence[str]) -> bool:
        """Return whether `score` can read a suffix of this length; True where the model doesn't tell."""

    def chat_prompt(self, user: str, answer_start: str) -> str:
        """Wrap a request in the chat template, ending in the given start of the answer; chat models only.

        Control tokens in the request are taken apart, so that a row can't end the turn.
        """
