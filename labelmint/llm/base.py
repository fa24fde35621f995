"""What the stages ask of a language model, so that tests can script one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn, and when to stop.

    In this order: repetition penalty, top-k, grammar, top-p, min-p, contrast, temperature. Penalty, contrast
    and grammar are off by default and need a model with the ability of their name.

    Attributes
    ----------
    repetition_penalty : float
        Logits of tokens that the text already has are divided by it if positive, else multiplied (CTRL,
        Keskar et al. 2019). The prompt's tokens don't count: its demonstrations set the style. 1: off.
    contrast : float
        Weight of own minus mean other log-probabilities, among the tokens that are plausible after the own
        prompt; see `PromptGroup.contrast`. 0: off.
    grammar : str
        GBNF that all finished texts follow, from the prompt's end up to the stop text. Empty: off.
    never_empty : bool
        Whether the first token must be neither white space nor an end. A server may not heed it.
    """

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    max_new_tokens: int
    stop: str
    repetition_penalty: float = 1.0
    contrast: float = 0.0
    grammar: str = ""
    never_empty: bool = False

    @property
    def abilities(self) -> frozenset[str]:
        """The abilities that a model needs for it: the names of the optional settings that are on."""
        return frozenset(name for name, off in _OFF.items() if getattr(self, name) != off)

    @property
    def content(self) -> dict[str, Any]:
        """All that determines what is written, for the journal; a setting that is off is left out."""
        content = vars(self)
        kept = {key: value for key, value in content.items() if key not in _OFF or key in self.abilities}
        if not self.never_empty:
            del kept["never_empty"]
        return kept


_OFF = {"repetition_penalty": 1.0, "contrast": 0.0, "grammar": ""}
ABILITIES = frozenset({"score", *_OFF})


@dataclass(frozen=True)
class PromptGroup:
    """A prompt and one seed for each text to be written from it.

    `contrast` holds the prompts of the other labels, with rows of theirs but otherwise the same; they are
    read only where `Sampling.contrast` is on.
    """

    prompt: str
    seeds: tuple[int, ...]
    contrast: tuple[str, ...] = ()


@dataclass(frozen=True)
class Completion:
    """What was written after a prompt, up to the stop text; `tokens` counts what was sampled."""

    text: str
    tokens: int
    finish_reason: Literal["stop", "length"]


class LanguageModel(Protocol):
    """A local model that writes in batches and reads in batches, both over shared prompt prefixes."""

    @property
    def kind(self) -> Literal["base", "chat"]:
        """Base models continue a text; chat models answer in their template."""

    @property
    def identity(self) -> dict[str, Any]:
        """Everything about the model and its run that determines its output, for the journal."""

    @property
    def abilities(self) -> frozenset[str]:
        """What it can do beyond plain writing, of `ABILITIES`."""

    def check_wave(self, groups: Sequence[PromptGroup], sampling: Sampling) -> None:
        """Raise `ModelError` if the prompts with their answers do not fit, or the grammar is wrong."""

    def write_wave(
        self,
        groups: Sequence[PromptGroup],
        sampling: Sampling,
        on_text: Callable[[Completion], None] | None = None,
    ) -> list[list[Completion]]:
        """Write every group's texts; the result depends on the arguments and `identity` alone.

        `on_text` is told of each text as it ends. Raises `ModelError` as `check_wave` does.
        """

    def score(self, prefix: str, suffixes: Sequence[str], choices: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return log-probabilities, shape (suffixes, choices), of each choice after prefix + suffix.

        Exact up to one constant per row, so softmax over a row gives the choices' relative probabilities.
        Suffixes and choices are plain text: control tokens mean nothing in them.
        """

    def chat_prompt(self, user: str, answer_start: str) -> str:
        """Wrap a request in the chat template, ending in the given start of the answer; chat models only.

        Control tokens in the request are taken apart, so that a row can't end the turn.
        """


def missing_abilities(sampling: Sampling, model: LanguageModel) -> list[str]:
    """Return the settings of `sampling` that are on and that the model can't follow, sorted by name."""
    return sorted(sampling.abilities - model.abilities)
