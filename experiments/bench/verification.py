"""Reading: label scores over a shared prompt against decoding every prompt whole.

The prompt and the question are those of `filter`; the texts are real rows outside of the training and test
rows, as long as the candidates are. Reads params.yaml and the real rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.bench.inputs import Inputs
from experiments.bench.rounds import Timed, interleave, middle, ratios, rounded
from experiments.bench.serial import Serial, fastest, open_engine
from labelmint.core.progress import progress
from labelmint.labelling.verify import CHUNK_TEXTS, demonstrations, reading_prompt
from labelmint.llm.base import LanguageModel
from labelmint.llm.reading import distinguishing_prefixes

Score = Callable[[str], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Size:
    """Rounds; texts read in a batch (as many as the stage reads at once), and one by one."""

    rounds: int = 3
    batched: int = CHUNK_TEXTS
    serial: int = 24


FULL, QUICK = Size(), Size(rounds=1, serial=12)


@dataclass(frozen=True)
class Questions:
    """A prompt, the texts' ends of it, and the answers to choose from."""

    prefix: str
    suffixes: list[str]
    choices: list[str]


def questions(inputs: Inputs, size: Size) -> Questions:
    """Ask as `filter` does, about different texts in every round."""
    card = inputs.card
    texts = [row["text"] for row in inputs.pool[: size.rounds * size.batched]]
    return Questions(
        reading_prompt(card, demonstrations(inputs.params.filter, card, inputs.train)),
        [f" {text}\n{card.question}:" for text in texts],
        [f" {card.phrase(name)}" for name in card.label_names],
    )


def measure(inputs: Inputs, size: Size) -> dict[str, Any]:
    """Measure with the model and the settings of params.yaml."""
    asked = questions(inputs, size)
    with open_engine(inputs.params.llm) as (engine, place):
        whole = [asked.prefix + suffix for suffix in asked.suffixes]
        longest = max(len(engine.llama.tokenize(text, start=True)) for text in whole)
        branches = distinguishing_prefixes(
            [engine.llama.tokenize(choice, start=False) for choice in asked.choices],
            [engine.llama.tokenize(choice + "\n", start=False) for choice in asked.choices],
        )

        def work(serial: Serial, number: int) -> float:
            serial.score(whole[number % len(whole)], branches)
            return 1

        with fastest(place, longest + sum(map(len, branches)) + 8, work) as serial:
            engine.score(asked.prefix, asked.suffixes[:4], asked.choices)  # warm up
            result = compare(engine, lambda text: serial.score(text, branches), asked, size)
            return {**result, "serial_flash_attn": serial.flash_attn}


def compare(model: LanguageModel, score: Score, asked: Questions, size: Size) -> dict[str, Any]:
    """Run both ways in turn; also count how often they prefer the same label."""
    agreed: list[bool] = []
    latest = np.zeros((0, len(asked.choices)), np.float32)
    with progress(size.rounds * (size.batched + size.serial), "bench verify", "texts") as bar:

        def batched(number: int) -> Timed:
            nonlocal latest
            own = asked.suffixes[number * size.batched : (number + 1) * size.batched]
            begin = time.perf_counter()
            latest = model.score(asked.prefix, own, asked.choices)
            seconds = time.perf_counter() - begin
            bar.update(len(own))
            return Timed(seconds, len(own))

        def serial(number: int) -> Timed:
            own = asked.suffixes[number * size.batched : (number + 1) * size.batched]
            some = range(0, len(own), max(1, len(own) // size.serial))[: size.serial]
            seconds = 0.0
            for at in some:
                begin = time.perf_counter()
                scores = score(asked.prefix + own[at])
                seconds += time.perf_counter() - begin
                agreed.append(bool(scores.argmax() == latest[at].argmax()))
                bar.update()
            return Timed(seconds, len(some))

        times = interleave({"batched": batched, "serial": serial}, size.rounds)
    return summary(times, agreed)


def summary(times: dict[str, list[Timed]], agreed: Sequence[bool]) -> dict[str, Any]:
    """Return the medians over the rounds, and the rounds."""
    texts = {name: [timed.rows_per_s for timed in every] for name, every in times.items()}
    ratio = ratios(texts["batched"], texts["serial"])
    return {
        "serial_texts_per_s": middle(texts["serial"]),
        "batched_texts_per_s": middle(texts["batched"]),
        "ratio": middle(ratio),
        "same_label_share": round(sum(agreed) / max(1, len(agreed)), 3),
        "rounds": {"ratio": ratio, "texts_per_s": {name: rounded(every) for name, every in texts.items()}},
    }
