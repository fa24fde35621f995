"""Prompts: the label is drawn first and the model writes a text for it (Li et al. 2024, few-shot).

Labels are conditioned on, not parsed from the answer. Demonstrations are real rows of the same label.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stages.errors import DataError
from stages.llm.base import PromptGroup
from stages.params import Generate
from stages.records import Labelled, Prompt
from stages.tasks import TaskCard

# One text is one line, in the demonstrations and in the answer.
STOP = "\n"

ChatTemplate = Callable[[str, str], str]


@dataclass(frozen=True)
class Planned:
    """A prompt and the seeds of the texts to be written from it; `first` numbers the first of them."""

    prompt: Prompt
    first: int
    seeds: tuple[int, ...]

    @property
    def group(self) -> PromptGroup:
        """What the language model needs of it."""
        return PromptGroup(self.prompt["text"], self.seeds)


def plan(
    config: Generate, card: TaskCard, rows: Sequence[Labelled], template: ChatTemplate | None
) -> list[list[Planned]]:
    """Plan all waves: labels in turn, demonstrations and seeds drawn from (stage seed, prompt number).

    A larger `candidates` only appends waves, so that earlier texts are found in the journal again.

    Parameters
    ----------
    template : callable or None
        (request, start of the answer) → prompt in the chat template; None for a base model.

    Raises
    ------
    DataError
        If a label has fewer rows than `demonstrations`.
    """
    by_label = _rows_by_label(config, card, rows)
    per_wave = config.prompts_per_wave * config.samples_per_prompt
    waves = -(-config.candidates // per_wave)
    names = card.label_names
    planned = []
    for number in range(waves * config.prompts_per_wave):
        label = names[number % len(names)]
        draw = random.Random(f"{config.seed}:{number}")
        shown = draw.sample(by_label[label], config.demonstrations)
        text = chat_prompt(card, label, shown, template) if template else base_prompt(card, label, shown)
        prompt = Prompt(
            id="p" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12],
            label=label,
            text=text,
            demonstration_ids=[row["id"] for row in shown],
        )
        seeds = np.random.SeedSequence([config.seed, number]).generate_state(config.samples_per_prompt)
        planned.append(Planned(prompt, number * config.samples_per_prompt, tuple(map(int, seeds))))
    size = config.prompts_per_wave
    return [planned[start : start + size] for start in range(0, len(planned), size)]


def base_prompt(card: TaskCard, label: str, shown: Sequence[Labelled]) -> str:
    """Show the demonstrations as a list that the model goes on with."""
    return _intro(card, label) + _listed(card, label, shown) + header(card, label)


def chat_prompt(card: TaskCard, label: str, shown: Sequence[Labelled], template: ChatTemplate) -> str:
    """Ask for one more text; the answer's start is given, so that small models don't chat about it."""
    request = (
        f"{_intro(card, label)}{_listed(card, label, shown)}"
        f"Write one new {card.phrase(label)} {card.text_name} in the same style, on one line. "
        "Don't repeat the ones above."
    )
    return template(request, header(card, label) + " ")


def header(card: TaskCard, label: str) -> str:
    """Return what stands before a text, e.g. "Negative film review:"."""
    said = f"{card.phrase(label)} {card.text_name}:"
    return said[0].upper() + said[1:]


def _intro(card: TaskCard, label: str) -> str:
    # Saying the label here too makes the small model obey it: the LLM reads 80 % of its texts (of 383) as
    # written and not 75 %. Twice the demonstrations, or ones of the other label, bring 78 % and 58 %.
    return f"Here are some {card.description}. Every one of them is clearly {card.phrase(label)}.\n\n"


def _listed(card: TaskCard, label: str, shown: Sequence[Labelled]) -> str:
    return "".join(f"{header(card, label)} {row['text']}\n\n" for row in shown)


def _rows_by_label(config: Generate, card: TaskCard, rows: Sequence[Labelled]) -> dict[str, list[Labelled]]:
    by_label = {name: [row for row in rows if row["label"] == name] for name in card.label_names}
    for name, own in by_label.items():
        if len(own) < config.demonstrations:
            raise DataError(
                f"params.yaml: generate.demonstrations={config.demonstrations}: only {len(own)} of the "
                f"{len(rows)} real rows are labelled {name!r}; lower it, or raise real.rows"
            )
    return by_label


def distinct(waves: Sequence[Sequence[Planned]]) -> Iterator[Prompt]:
    """Yield every distinct prompt once, in order of first use."""
    seen = set()
    for wave in waves:
        for planned in wave:
            if planned.prompt["id"] not in seen:
                seen.add(planned.prompt["id"])
                yield planned.prompt
