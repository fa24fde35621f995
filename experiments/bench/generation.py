"""Writing: waves of our engine against `create_completion` one by one, on the same prompts and sampling.

Three ways, interleaved: a whole wave (as `generate` runs it, its tail included); the wave's own prompts one
text at a time, all texts of a prompt in a row so that the library's prefix cache hits; and a prompt with
new demonstrations for every text, as most scripts do. Reads params.yaml and the real training rows; the
method is always few_shot, so that rates of different settings can be compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from experiments.bench.inputs import Inputs
from experiments.bench.rounds import Timed, interleave, middle, ratios, rounded
from experiments.bench.serial import Serial, fastest, open_engine
from labelmint.core.params import Generate
from labelmint.core.progress import progress
from labelmint.generation.plan import Planned, Planner, drawn_labels
from labelmint.generation.session import sampling_of
from labelmint.llm.base import Completion, LanguageModel, PromptGroup, Sampling
from labelmint.prompts.render import ChatTemplate

Write = Callable[[str, int, Sampling], Completion]
OnText = Callable[[Completion], None]


@dataclass(frozen=True)
class Size:
    """Rounds; texts written one by one for each of a wave's prompts; texts with prompts of their own."""

    rounds: int = 3
    samples: int = 10
    fresh: int = 48


FULL, QUICK = Size(), Size(rounds=1, samples=6, fresh=24)


def measure(inputs: Inputs, size: Size) -> dict[str, Any]:
    """Measure with the model and the settings of params.yaml."""
    config = inputs.params.generate
    sampling = sampling_of(config)
    with open_engine(inputs.params.llm) as (engine, place):
        template = engine.chat_prompt if engine.kind == "chat" else None
        waves, fresh = plans(inputs, size, template)
        prompts = [planned.prompt["text"] for wave in (*waves, *fresh) for planned in wave]
        longest = max(len(engine.llama.tokenize(prompt, start=True, special=True)) for prompt in prompts)
        trial = waves[0][0]

        def work(serial: Serial, number: int) -> float:
            seed = trial.seeds[number % len(trial.seeds)]
            return serial.write(trial.prompt["text"], seed, sampling).tokens

        with fastest(place, longest + config.max_new_tokens + 8, work) as serial:
            # Warm up: the first decode of a batch's size allocates and packs.
            engine.write_wave([PromptGroup(trial.prompt["text"], trial.seeds[:8])], sampling)
            result = compare(engine, serial.write, waves, fresh, sampling, size)
            return {**result, "serial_flash_attn": serial.flash_attn}


def plans(
    inputs: Inputs, size: Size, template: ChatTemplate | None
) -> tuple[list[list[Planned]], list[list[Planned]]]:
    """Return a wave per round, and per round as many prompts of one text each."""
    config = inputs.params.generate
    wave = config.samples_per_prompt * config.prompts_per_wave
    ours = config.model_copy(update={"candidates": size.rounds * wave})
    single = config.model_copy(
        update={
            "seed": config.seed + 1,
            "candidates": size.rounds * size.fresh,
            "samples_per_prompt": 1,
            "prompts_per_wave": size.fresh,
        }
    )
    return _waves(ours, inputs, template), _waves(single, inputs, template)


def _waves(config: Generate, inputs: Inputs, template: ChatTemplate | None) -> list[list[Planned]]:
    planner = Planner(config, inputs.card, inputs.train, template, {"few_shot": 1.0}, {})
    return planner.plan(drawn_labels(config, dict.fromkeys(inputs.card.label_names, 1.0)))


def compare(
    model: LanguageModel,
    write: Write,
    waves: Sequence[Sequence[Planned]],
    fresh: Sequence[Sequence[Planned]],
    sampling: Sampling,
    size: Size,
) -> dict[str, Any]:
    """Run the three ways in turn and return rates and ratios."""
    total = sum(
        sum(len(planned.seeds) + size.samples for planned in waves[number]) + len(fresh[number])
        for number in range(size.rounds)
    )
    with progress(total, "bench generate", "texts") as bar:

        def on_text(_: Completion) -> None:
            bar.update()

        times = interleave(
            {
                "batched": lambda number: _batched(model, waves[number], sampling, on_text),
                "serial": lambda number: _serial(write, waves[number], sampling, size.samples, on_text),
                "fresh": lambda number: _fresh(write, fresh[number], sampling, on_text),
            },
            size.rounds,
        )
    return summary(times)


def summary(times: dict[str, list[Timed]]) -> dict[str, Any]:
    """Return the medians over the rounds, and the rounds."""
    tokens = {name: [timed.tokens_per_s for timed in every] for name, every in times.items()}
    texts = {name: [timed.rows_per_s for timed in every] for name, every in times.items()}
    ratio = ratios(tokens["batched"], tokens["serial"])
    ratio_fresh = ratios(texts["batched"], texts["fresh"])
    return {
        "serial_tokens_per_s": middle(tokens["serial"]),
        "batched_tokens_per_s": middle(tokens["batched"]),
        "ratio": middle(ratio),
        "ratio_fresh": middle(ratio_fresh),
        "serial_texts_per_s": middle(texts["serial"]),
        "fresh_texts_per_s": middle(texts["fresh"]),
        "batched_texts_per_s": middle(texts["batched"]),
        "rounds": {
            "ratio": ratio,
            "ratio_fresh": ratio_fresh,
            "tokens_per_s": {name: rounded(every) for name, every in tokens.items()},
            "texts_per_s": {name: rounded(every) for name, every in texts.items()},
        },
    }


def accepted(text: Completion) -> bool:
    """Return whether a text counts: the same rule for all ways."""
    return text.finish_reason == "stop" and bool(text.text)


def _timed(texts: Sequence[Completion], seconds: float) -> Timed:
    return Timed(seconds, sum(map(accepted, texts)), sum(text.tokens for text in texts))


def _batched(model: LanguageModel, wave: Sequence[Planned], sampling: Sampling, on_text: OnText) -> Timed:
    begin = time.perf_counter()
    groups = model.write_wave([planned.group for planned in wave], sampling, on_text)
    seconds = time.perf_counter() - begin
    return _timed([text for group in groups for text in group], seconds)


def _serial(
    write: Write, wave: Sequence[Planned], sampling: Sampling, samples: int, on_text: OnText
) -> Timed:
    """Write some texts of every prompt, charging the share of the prompt's decoding that falls to them.

    A prompt is decoded once for all its texts, of which only `samples` are written here to save time.
    """
    seconds, texts = 0.0, []
    for planned in wave:
        prompt, seeds = planned.prompt["text"], planned.seeds[:samples]
        begin = time.perf_counter()
        write(prompt, planned.seeds[0], replace(sampling, max_new_tokens=1))
        seconds += (time.perf_counter() - begin) * len(seeds) / len(planned.seeds)
        for seed in seeds:
            begin = time.perf_counter()
            texts.append(write(prompt, seed, sampling))
            seconds += time.perf_counter() - begin
            on_text(texts[-1])
    return _timed(texts, seconds)


def _fresh(write: Write, prompts: Sequence[Planned], sampling: Sampling, on_text: OnText) -> Timed:
    seconds, texts = 0.0, []
    for planned in prompts:
        begin = time.perf_counter()
        texts.append(write(planned.prompt["text"], planned.seeds[0], sampling))
        seconds += time.perf_counter() - begin
        on_text(texts[-1])
    return _timed(texts, seconds)
