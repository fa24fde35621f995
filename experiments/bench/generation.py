"""Writing: waves of our engine against `create_completion` one by one, on the same prompts and sampling.

Three ways, interleaved: a whole wave, as `generate` runs it; the wave's prompts one text at a time, all texts
of a prompt in a row so that the library's prefix cache hits; and a prompt with new demonstrations for every
text, as most scripts do. The method is always few_shot, so that rates of different settings can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from experiments.bench.plain import PlainLlama, open_engine, open_fastest
from experiments.bench.timing import Timed, interleave, middle, rates, ratios, real_rows
from labelmint.core.params import Params
from labelmint.core.progress import progress
from labelmint.core.records import Labelled
from labelmint.generation.plan import Planned
from labelmint.generation.session import Session
from labelmint.llm.base import Completion, LanguageModel, PromptGroup, Sampling
from labelmint.tasks.cards import TaskCard

Write = Callable[[str, int, Sampling], Completion]
Waves = Sequence[Sequence[Planned]]
OnText = Callable[[Completion], None]


@dataclass(frozen=True)
class Size:
    """Rounds; texts written one by one for each of a wave's prompts; texts with a prompt for each."""

    rounds: int = 3
    samples: int = 10
    fresh: int = 48


FULL, QUICK = Size(), Size(rounds=1, samples=6, fresh=24)


def measure(params: Params, *, quick: bool) -> dict[str, Any]:
    """Measure with the model and the settings of params.yaml."""
    size = QUICK if quick else FULL
    card, rows = real_rows(params)
    with open_engine(params.llm) as (engine, place):
        waves, fresh, sampling = plan(params, card, rows.train, engine, size)
        prompts = [planned.prompt["text"] for wave in (*waves, *fresh) for planned in wave]
        longest = max(len(engine.llama.tokenize(prompt, start=True, special=True)) for prompt in prompts)
        trial = waves[0][0]

        def work(plain: PlainLlama, number: int) -> float:
            seed = trial.seeds[number % len(trial.seeds)]
            return plain.write(trial.prompt["text"], seed, sampling).tokens

        with open_fastest(place, longest + sampling.max_new_tokens + 8, work) as plain:
            # Warm up: the first decode of a batch's size allocates and packs.
            engine.write_wave([PromptGroup(trial.prompt["text"], trial.seeds[:8])], sampling)
            result = compare(engine, plain.write, waves, fresh, sampling, size)
            return {**result, "serial_flash_attn": plain.flash_attn}


def plan(
    params: Params, card: TaskCard, train: Sequence[Labelled], model: LanguageModel, size: Size
) -> tuple[Waves, Waves, Sampling]:
    """Return a wave per round, per round as many prompts of one text each, and the sampling."""
    config = params.generate
    wave = config.samples_per_prompt * config.prompts_per_wave
    batched = {"method": "few_shot", "candidates": size.rounds * wave}
    fresh = {
        "method": "few_shot",
        "seed": config.seed + 1,
        "candidates": size.rounds * size.fresh,
        "samples_per_prompt": 1,
        "prompts_per_wave": size.fresh,
    }
    sessions = [
        Session(
            params.model_copy(
                update={"generate": config.model_copy(update=update), "class_balance": "balanced"}
            ),
            card,
            train,
            model,
        )
        for update in (batched, fresh)
    ]
    return sessions[0].waves(), sessions[1].waves(), sessions[0].sampling


def compare(
    model: LanguageModel, write: Write, waves: Waves, fresh: Waves, sampling: Sampling, size: Size
) -> dict[str, Any]:
    """Run the three ways in turn and return rates and ratios."""
    total = sum(
        sum(len(planned.seeds) + size.samples for planned in wave) + len(prompts)
        for wave, prompts in zip(waves, fresh, strict=True)
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
    tokens, texts = rates(times, "tokens"), rates(times)
    ratio = ratios(times["batched"], times["serial"], "tokens")
    ratio_fresh = ratios(times["batched"], times["fresh"])
    return {
        "serial_tokens_per_s": middle(tokens["serial"]),
        "batched_tokens_per_s": middle(tokens["batched"]),
        "ratio": middle(ratio),
        "ratio_fresh": middle(ratio_fresh),
        "serial_texts_per_s": middle(texts["serial"]),
        "fresh_texts_per_s": middle(texts["fresh"]),
        "batched_texts_per_s": middle(texts["batched"]),
        "rounds": {"ratio": ratio, "ratio_fresh": ratio_fresh, "tokens_per_s": tokens, "texts_per_s": texts},
    }


def _count(timed: Timed, text: Completion) -> None:
    """Count a text's tokens, and the text if it ended and says something."""
    timed.tokens += text.tokens
    timed.rows += text.finish_reason == "stop" and bool(text.text)


def _batched(model: LanguageModel, wave: Sequence[Planned], sampling: Sampling, on_text: OnText) -> Timed:
    timed = Timed()
    with timed.clock():
        groups = model.write_wave([planned.group for planned in wave], sampling, on_text)
    for text in (text for group in groups for text in group):
        _count(timed, text)
    return timed


def _serial(
    write: Write, wave: Sequence[Planned], sampling: Sampling, samples: int, on_text: OnText
) -> Timed:
    """Write some texts of each prompt, charging the share of the prompt's decoding that falls to them.

    A prompt is decoded once for all its texts, of which only `samples` are written here to save time.
    """
    timed = Timed()
    for planned in wave:
        prompt, seeds = planned.prompt["text"], planned.seeds[:samples]
        with timed.clock(len(seeds) / len(planned.seeds)):
            write(prompt, planned.seeds[0], replace(sampling, max_new_tokens=1))
        for seed in seeds:
            _write_one(timed, write, prompt, seed, sampling, on_text)
    return timed


def _fresh(write: Write, prompts: Sequence[Planned], sampling: Sampling, on_text: OnText) -> Timed:
    timed = Timed()
    for planned in prompts:
        _write_one(timed, write, planned.prompt["text"], planned.seeds[0], sampling, on_text)
    return timed


def _write_one(
    timed: Timed, write: Write, prompt: str, seed: int, sampling: Sampling, on_text: OnText
) -> None:
    with timed.clock():
        text = write(prompt, seed, sampling)
    _count(timed, text)
    on_text(text)
