"""Ask the language model which label fits a text, after a prompt of labelled real rows.

A small model writes "negative" badly, but recognises it well.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import log_softmax

from labelmint.core.arrays import Floats, Floats32
from labelmint.core.cache import Cache, fingerprint
from labelmint.core.records import Input, Labelled
from labelmint.llm.base import LanguageModel
from labelmint.tasks.cards import TaskCard, row_text

# Texts scored between two records of the cache. Scores depend on what shares a batch, so texts are cut into
# chunks that no threshold moves: another threshold scores nothing again.
CHUNK_TEXTS = 256


def choices_of(card: TaskCard) -> list[str]:
    """Return the labels as what may follow a text's suffix."""
    return [f" {card.phrase(name)}" for name in card.label_names]


def suffix_of(card: TaskCard, text: str) -> str:
    """Return what follows `labelled_prompt` for a text, up to its label."""
    return f" {text}\n{card.question}:"


def suffixes_of(card: TaskCard, rows: Sequence[Input]) -> list[str]:
    """Return the suffixes of rows' texts."""
    return [suffix_of(card, row_text(card, row)) for row in rows]


class ChoiceScorer:
    """Scores the labels of texts with a language model, after `prefix` from `labelled_prompt`.

    Each chunk of texts is kept in the cache. The model's hidden states come from the same pass, at a fifth
    more time, and are kept with the scores.
    """

    def __init__(self, card: TaskCard, prefix: str, model: LanguageModel) -> None:
        self.card, self.prefix, self.model = card, prefix, model
        self.choices = choices_of(card)
        content = {
            "llm": model.identity,
            "prefix": prefix,
            "choices": self.choices,
            "question": card.question,
        }
        self.cache = Cache("label", content)
        self.seconds = 0.0  # that scoring took, that of cached texts included

    def score(self, texts: Sequence[str], on_texts: Callable[[int], object]) -> tuple[Floats, Floats32]:
        """Return the labels' log-probabilities, shape (texts, labels), and hidden states, (texts, width).

        The width is 0 where the model can't give states. `on_texts` is called with the number of texts scored
        since.
        """
        scores, states = [np.zeros((0, len(self.choices)))], []
        for start in range(0, len(texts), CHUNK_TEXTS):
            chunk = list(texts[start : start + CHUNK_TEXTS])
            key = fingerprint({"texts": chunk})
            kept = self.cache.get(key)
            if kept is None:
                suffixes = [suffix_of(self.card, text) for text in chunk]
                begin = time.perf_counter()
                result = self.model.score(self.prefix, suffixes, self.choices)
                seconds = time.perf_counter() - begin
                as_text = base64.b64encode(result.states.astype("<f4").tobytes()).decode("ascii")
                kept = {"seconds": seconds, "scores": result.log_probabilities.tolist(), "states": as_text}
                self.cache.add(key, kept)
            self.seconds += kept["seconds"]
            scores.append(np.array(kept["scores"], np.float64))
            states.append(np.frombuffer(base64.b64decode(kept["states"]), "<f4").reshape(len(chunk), -1))
            on_texts(len(chunk))
        together = np.concatenate(states) if states else np.zeros((0, 0), np.float32)
        return np.asarray(log_softmax(np.concatenate(scores), axis=1)), together


def draw_demonstrations(seed: int, count: int, card: TaskCard, rows: Sequence[Labelled]) -> list[Labelled]:
    """Draw about `count` rows to show, the labels mixed: the last ones weigh most, and must not be all alike.

    Each label has equally many, one at least, but at most half (rounded up) of its rows: the others tell how
    often the model is right. None of any label if `count` is 0.
    """
    draw = random.Random(f"{seed}:verify")
    per_label = max(1, count // len(card.labels)) if count else 0
    shown: list[Labelled] = []
    for name in card.label_names:
        of_label = [row for row in rows if row["label"] == name]
        shown += draw.sample(of_label, min(per_label, (len(of_label) + 1) // 2))
    draw.shuffle(shown)
    return shown


def labelled_prompt(card: TaskCard, shown: Sequence[Labelled]) -> str:
    """Show labelled rows and begin the next; a text, a line break and the question are to follow."""
    name = card.text_name[0].upper() + card.text_name[1:]
    rows = "".join(
        f"{name}: {row_text(card, row)}\n{card.question}: {card.phrase(row['label'])}\n\n" for row in shown
    )
    return f"Here are some {card.description}.\n\n{rows}{name}:"


def unit(states: Floats32) -> Floats32:
    """Return hidden states as vectors of length 1: a linear head learns better from them with few rows."""
    return np.asarray(states / np.linalg.norm(states, axis=1, keepdims=True))
