"""Label verification: the LLM reads every finished candidate after a few labelled real rows.

The small model writes "negative" badly, but reads well. Scores are centred (Zhao et al. 2021 calibrate the
same way, on content-free inputs; here on the candidates themselves, whose labels were drawn in balance).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from labelmint.core.cache import Journal, fingerprint
from labelmint.core.errors import ModelError
from labelmint.core.params import Filter
from labelmint.core.progress import progress
from labelmint.core.records import Candidate, Labelled, texts_of
from labelmint.llm.base import LanguageModel
from labelmint.tasks.cards import TaskCard, row_text

# Texts read between two records of the journal. Results depend on what shares a batch, so every candidate
# that can be read is, in chunks that no threshold moves: another threshold reads nothing again.
CHUNK_TEXTS = 256

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """Labels as read: log-probabilities by row id, of the candidates and of real rows that weren't shown.

    `accuracy` says how often each judge is right on those real rows, `weights` what each counts.
    """

    scores: dict[str, Floats] = field(default_factory=dict)
    real: dict[str, Floats] = field(default_factory=dict)
    accuracy: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)


def verify(
    config: Filter,
    card: TaskCard,
    candidates: Sequence[Candidate],
    train: Sequence[Labelled],
    model: LanguageModel,
) -> Reading:
    """Read all candidates that may stand, and the real training rows that were not shown.

    After each of `verify.draws` draws of demonstrations; the mean of the centred log-probabilities counts, of
    a real row that of the draws that didn't show it.

    Raises
    ------
    ModelError
        If the model can't read, or the demonstrations and a text don't fit its context.
    """
    if "score" not in model.abilities:
        raise ModelError("params.yaml: filter.verify: this model or backend can't read; say `action: none`")
    shown = [demonstrations(config, card, train, number) for number in range(config.verify.draws)]
    finished = [row for row in candidates if can_be_read(row)]
    late = readable(config, candidates)[len(finished) :]
    total = sum(len(finished) + len(late) + len(train) - len(own) for own in shown)
    with progress(total, "verify", "texts") as bar:
        draws = [_read_after(own, card, finished, late, train, model, bar.update) for own in shown]
    scores = log_softmax(np.mean([own for own, _ in draws], axis=0))
    # A row that every draw showed has no reading.
    hidden = [row for row in train if any(row["id"] in own for _, own in draws)]
    seen = [np.mean([own[row["id"]] for _, own in draws if row["id"] in own], axis=0) for row in hidden]
    real = log_softmax(np.stack(seen)) if seen else scores[:0]
    right = [
        card.label_names[best] == row["label"] for best, row in zip(real.argmax(axis=1), hidden, strict=True)
    ]
    return Reading(
        {row["id"]: own for row, own in zip([*finished, *late], scores, strict=True)},
        {row["id"]: own for row, own in zip(hidden, real, strict=True)},
        {"llm": round(sum(right) / len(right), 4)} if right else {},
    )


def _read_after(
    shown: Sequence[Labelled],
    card: TaskCard,
    finished: Sequence[Candidate],
    late: Sequence[Candidate],
    train: Sequence[Labelled],
    model: LanguageModel,
    on_texts: Callable[[int], object],
) -> tuple[Floats, dict[str, Floats]]:
    """Return the centred scores of the candidates, and by id those of the real rows that aren't shown."""
    hidden = [row for row in train if row not in shown]
    reader = Verifier(card, reading_prompt(card, shown), model)
    scores = reader.read([row_text(card, row) for row in finished], on_texts)
    others = reader.read([row_text(card, row) for row in late], on_texts)
    real = reader.read([row_text(card, row) for row in hidden], on_texts)
    names = card.label_names
    offsets = centre(scores, [names.index(row["label"]) for row in finished], len(names))
    every = np.concatenate([scores, others]) - offsets
    return every, {row["id"]: own for row, own in zip(hidden, real - offsets, strict=True)}


def can_be_read(row: Candidate) -> bool:
    """Return whether a candidate is finished and has a label and all of its texts."""
    return row["finish_reason"] == "stop" and bool(row["label"]) and all(texts_of(row))


def readable(config: Filter, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the finished candidates, then those that stand only because a rule is switched off.

    Read last, and not centred on, they leave the finished ones' readings as they are.
    """
    rules = config.rules
    late = [
        row
        for row in candidates
        if not can_be_read(row)
        and (row["finish_reason"] == "stop" or not rules.cut_off)
        and (row["label"] or not rules.no_label)
        and (all(texts_of(row)) or not rules.empty)
    ]
    return [*filter(can_be_read, candidates), *late]


class Verifier:
    """Reads texts with the LLM after a prompt of labelled real rows, each chunk kept in the journal.

    Parameters
    ----------
    card : TaskCard
        Says how labels are said.
    prefix : str
        From `reading_prompt`.
    model : LanguageModel
        The reader.
    """

    def __init__(self, card: TaskCard, prefix: str, model: LanguageModel) -> None:
        self.card, self.prefix, self.model = card, prefix, model
        self.choices = [f" {card.phrase(name)}" for name in card.label_names]
        content = {"llm": model.identity, "prefix": prefix, "choices": self.choices}
        self.journal = Journal("read", {**content, "question": card.question})

    def read(self, texts: Sequence[str], on_texts: Callable[[int], object]) -> Floats:
        """Return log-probabilities of the labels given each text, shape (texts, labels), not centred."""
        parts = [np.zeros((0, len(self.choices)))]
        for start in range(0, len(texts), CHUNK_TEXTS):
            chunk = list(texts[start : start + CHUNK_TEXTS])
            key = fingerprint({"texts": chunk})
            if key not in self.journal:
                suffixes = [f" {text}\n{self.card.question}:" for text in chunk]
                scores = self.model.score(self.prefix, suffixes, self.choices)
                self.journal.add(key, [[float(score) for score in row] for row in scores])
            parts.append(np.array(self.journal[key], np.float64))
            on_texts(len(chunk))
        return log_softmax(np.concatenate(parts))


def demonstrations(
    config: Filter, card: TaskCard, rows: Sequence[Labelled], number: int = 0
) -> list[Labelled]:
    """Draw the rows to show, the labels mixed: the last ones weigh most, and must not be all of one label.

    Each label has as many, one at least, but at most half of its rows: the others tell how well the LLM
    reads. None of any label if `demonstrations` is 0. `number` is that of the draw.
    """
    draw = random.Random(f"{config.seed}:verify:{number}" if number else f"{config.seed}:verify")
    most = max(1, config.verify.demonstrations // len(card.labels)) if config.verify.demonstrations else 0
    shown = []
    for name in card.label_names:
        own = [row for row in rows if row["label"] == name]
        shown += draw.sample(own, min(most, (len(own) + 1) // 2))
    draw.shuffle(shown)
    return shown


def reading_prompt(card: TaskCard, shown: Sequence[Labelled]) -> str:
    """Show labelled rows and begin the next; a text, a line break and the question are to follow."""
    name = card.text_name[0].upper() + card.text_name[1:]
    rows = "".join(
        f"{name}: {row_text(card, row)}\n{card.question}: {card.phrase(row['label'])}\n\n" for row in shown
    )
    return f"Here are some {card.description}.\n\n{rows}{name}:"


def log_softmax(scores: Floats) -> Floats:
    """Normalise each row to log-probabilities."""
    shifted = scores - scores.max(axis=1, keepdims=True, initial=-np.inf)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def centre(scores: Floats, written: Sequence[int], labels: int) -> Floats:
    """Return the offsets, shape (labels,), that make the mean score of all labels equal.

    The mean is taken per written label first, so that rules which hit one label more don't shift it.
    """
    groups = np.asarray(written)
    means = [scores[groups == label].mean(axis=0) for label in range(labels) if (groups == label).any()]
    return np.asarray(np.mean(means, axis=0)) if means else np.zeros(labels)
