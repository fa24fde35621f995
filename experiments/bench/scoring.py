"""Label scores: many texts over a shared prompt against decoding each prompt whole.

The prompt and the question are those of `labelling`; the texts are real rows outside of the training and
test rows, as long as the candidates are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.bench.plain import PlainLlama, open_engine, open_fastest
from experiments.bench.timing import Timed, interleave, middle, rates, ratios, real_rows
from labelmint.core.params import Params
from labelmint.core.progress import progress
from labelmint.core.records import Labelled
from labelmint.labelling.choices import CHUNK_TEXTS, draw_demonstrations, labelled_prompt
from labelmint.llm.base import LanguageModel
from labelmint.llm.reading import distinguishing_prefixes
from labelmint.tasks.cards import TaskCard, row_text

Score = Callable[[str], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Size:
    """Rounds; texts scored in a batch (as many as the stage scores at once), and one by one."""

    rounds: int = 3
    batched: int = CHUNK_TEXTS
    serial: int = 24


FULL, QUICK = Size(), Size(rounds=1, serial=12)


@dataclass(frozen=True)
class Questions:
    """A prompt, its ends with the texts, and the answers to choose from."""

    prefix: str
    suffixes: list[str]
    choices: list[str]


def questions(
    params: Params, card: TaskCard, train: Sequence[Labelled], pool: Sequence[Labelled], size: Size
) -> Questions:
    """Ask as `labelling` does, about different texts in each round."""
    labelling = params.labelling
    shown = draw_demonstrations(labelling.seed, labelling.demonstrations, card, train)
    return Questions(
        labelled_prompt(card, shown),
        [f" {row_text(card, row)}\n{card.question}:" for row in pool[: size.rounds * size.batched]],
        [f" {card.phrase(name)}" for name in card.label_names],
    )


def measure(params: Params, *, quick: bool) -> dict[str, Any]:
    """Measure with the model and the settings of params.yaml."""
    size = QUICK if quick else FULL
    card, rows = real_rows(params)
    asked = questions(params, card, rows.train, rows.pool, size)
    with open_engine(params.llm) as (engine, place):
        whole = [asked.prefix + suffix for suffix in asked.suffixes]
        longest = max(len(engine.llama.tokenize(text, start=True)) for text in whole)
        branches = distinguishing_prefixes(
            [engine.llama.tokenize(choice, start=False) for choice in asked.choices],
            [engine.llama.tokenize(choice + "\n", start=False) for choice in asked.choices],
        )

        def work(plain: PlainLlama, number: int) -> float:
            plain.score(whole[number % len(whole)], branches)
            return 1

        with open_fastest(place, longest + sum(map(len, branches)) + 8, work) as plain:
            engine.score(asked.prefix, asked.suffixes[:4], asked.choices)  # warm up
            result = compare(engine, lambda text: plain.score(text, branches), asked, size)
            return {**result, "serial_flash_attn": plain.flash_attn}


def compare(model: LanguageModel, score: Score, asked: Questions, size: Size) -> dict[str, Any]:
    """Run both ways in turn; also count how often they prefer the same label."""
    agreed: list[bool] = []
    batches: list[npt.NDArray[np.float32]] = []
    with progress(size.rounds * (size.batched + size.serial), "bench verify", "texts") as bar:

        def batched(number: int) -> Timed:
            suffixes = asked.suffixes[number * size.batched : (number + 1) * size.batched]
            timed = Timed(rows=len(suffixes))
            with timed.clock():
                batches.append(model.score(asked.prefix, suffixes, asked.choices))
            bar.update(len(suffixes))
            return timed

        def serial(number: int) -> Timed:
            suffixes = asked.suffixes[number * size.batched : (number + 1) * size.batched]
            places = range(0, len(suffixes), max(1, len(suffixes) // size.serial))[: size.serial]
            timed = Timed(rows=len(places))
            for place in places:
                with timed.clock():
                    scores = score(asked.prefix + suffixes[place])
                agreed.append(bool(scores.argmax() == batches[number][place].argmax()))
                bar.update()
            return timed

        times = interleave({"batched": batched, "serial": serial}, size.rounds)
    texts, ratio = rates(times), ratios(times["batched"], times["serial"])
    return {
        "serial_texts_per_s": middle(texts["serial"]),
        "batched_texts_per_s": middle(texts["batched"]),
        "ratio": middle(ratio),
        "same_label_share": round(sum(agreed) / max(1, len(agreed)), 3),
        "rounds": {"ratio": ratio, "texts_per_s": texts},
    }
