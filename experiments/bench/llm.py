"""Our engine against llama-cpp-python's high-level `Llama`, which writes and scores one text after another.

Writing, three ways: a whole wave, as `generate` runs it; all texts of one of its prompts in a row, so that
the library's prefix cache hits; and new demonstrations for every text, as most scripts do. The method is
always few_shot, so that rates of different settings can be compared.

Scoring: many texts after one prompt, as `labelling` asks, against each prompt decoded whole. The texts are
rows of the pool, as long as candidates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from experiments.bench.timing import interleave, middle, ratios
from labelmint.core import paths
from labelmint.core.arrays import Floats
from labelmint.core.params import Llm, Params
from labelmint.core.records import Labelled, read_rows
from labelmint.generation.plan import Planned
from labelmint.generation.session import Session
from labelmint.labelling.choices import (
    CHUNK_TEXTS,
    choices_of,
    draw_demonstrations,
    labelled_prompt,
    suffixes_of,
)
from labelmint.llm import open_model
from labelmint.llm.base import Completion, LanguageModel, PromptGroup, Sampling
from labelmint.llm.catalog import load_entry
from labelmint.llm.catalog.files import model_file
from labelmint.llm.engine import Engine
from labelmint.llm.reading import distinguishing_prefixes
from labelmint.tasks.cards import load_card
from labelmint.tasks.task import Task

Waves = Sequence[Sequence[Planned]]

ROUNDS = 3
ONE_BY_ONE = 24  # texts that the plain way scores in a round


class PlainLlama:
    """A high-level context with the engine's file, threads and GPU layers."""

    def __init__(self, llm: Llm, threads: int) -> None:
        path = model_file(llm.model, load_entry(llm.model, ("base", "chat"), "llm.model"))
        self.llama = llama_cpp.Llama(
            str(path),
            n_ctx=llm.context_tokens,
            n_threads=threads,
            n_threads_batch=threads,
            n_gpu_layers=llm.gpu_layers,
            flash_attn=True,  # as in the engine; faster than without
            no_perf=True,
            verbose=False,
        )

    def write(self, prompt: str, seed: int, sampling: Sampling) -> Completion:
        """Write one text as a user of the library does."""
        answer: Any = self.llama.create_completion(
            prompt,
            max_tokens=sampling.max_new_tokens,
            temperature=sampling.temperature,
            top_k=sampling.top_k,
            top_p=sampling.top_p,
            min_p=sampling.min_p,
            repeat_penalty=1.0,
            stop=[sampling.stop],
            seed=seed or 1,
        )
        text, reason = answer["choices"][0]["text"], answer["choices"][0]["finish_reason"]
        return Completion(text.strip(), answer["usage"]["completion_tokens"], reason)

    def score(self, text: str, choices: Sequence[str]) -> Floats:
        """Decode a whole prompt from an empty cache; return the choices' log-probabilities."""
        tokens = self._tokens(text, start=True)
        branches = distinguishing_prefixes(
            [self._tokens(choice) for choice in choices], [self._tokens(choice + "\n") for choice in choices]
        )
        after_text = self._next(tokens, 0)
        scores = np.array([after_text[branch[0]] for branch in branches])
        for number, branch in enumerate(branches):
            for at, token in enumerate(branch[:-1]):
                scores[number] += self._next([token], len(tokens) + at)[branch[at + 1]]
        return scores

    def _tokens(self, text: str, *, start: bool = False) -> list[int]:
        return list(self.llama.tokenize(text.encode(), add_bos=start))

    def _next(self, tokens: Sequence[int], place: int) -> Any:
        """Decode tokens at a place; return log-probabilities of what follows, shape (vocabulary,)."""
        self.llama.n_tokens = place
        self.llama.eval(tokens)
        pointer = llama_cpp.llama_get_logits_ith(self.llama.ctx, -1)
        return log_softmax(np.ctypeslib.as_array(pointer, (self.llama.n_vocab(),)).astype(np.float64))


@contextmanager
def open_both(llm: Llm) -> Iterator[tuple[Engine, PlainLlama]]:
    """Open our engine as the stages do, and a plain context."""
    with open_model(llm.model_copy(update={"backend": "llama_cpp"})) as engine:
        assert isinstance(engine, Engine)
        plain = PlainLlama(llm, engine.threads)
        try:
            yield engine, plain
        finally:
            plain.llama.close()


def measure_writing(params: Params) -> dict[str, Any]:
    """Measure with the model and the settings of params.yaml."""
    with open_both(params.llm) as (engine, plain):
        waves, fresh, sampling = plan(params, read_rows(paths.REAL_TRAIN), engine)
        # Warm up: the first decode of a batch's size allocates and packs.
        first = waves[0][0]
        engine.write_wave([PromptGroup(first.prompt["text"], first.seeds[:8])], sampling)
        plain.write(first.prompt["text"], first.seeds[0], sampling)
        return compare_writing(engine, plain, waves, fresh, sampling)


def plan(params: Params, train: Sequence[Labelled], model: LanguageModel) -> tuple[Waves, Waves, Sampling]:
    """Return for each round a wave, and as many prompts of one text as a wave's prompt has texts."""
    config, card = params.generate, load_card(params.task)
    texts, prompts = config.samples_per_prompt, config.prompts_per_wave
    task = Task(params, card, train).changed({"generate.method": "few_shot", "class_balance": "balanced"})
    batched = {"generate.candidates": ROUNDS * texts * prompts}
    fresh = {"generate.candidates": ROUNDS * texts, "generate.seed": config.seed + 1}
    fresh |= {"generate.samples_per_prompt": 1, "generate.prompts_per_wave": texts}
    one, other = (Session(task.changed(changes), model) for changes in (batched, fresh))
    return one.waves(), other.waves(), one.sampling


def compare_writing(
    model: LanguageModel, plain: PlainLlama, waves: Waves, fresh: Waves, sampling: Sampling
) -> dict[str, Any]:
    """Run the three ways in turn; return the medians over the rounds, and the rounds."""

    def batched(number: int) -> Mapping[str, float]:
        groups = model.write_wave([planned.group for planned in waves[number]], sampling)
        return count(text for group in groups for text in group)

    def serial(number: int) -> Mapping[str, float]:
        planned = waves[number][0]
        return count(plain.write(planned.prompt["text"], seed, sampling) for seed in planned.seeds)

    def unshared(number: int) -> Mapping[str, float]:
        return count(plain.write(one.prompt["text"], one.seeds[0], sampling) for one in fresh[number])

    rates = interleave("generate", {"batched": batched, "serial": serial, "fresh": unshared}, ROUNDS)
    tokens, texts = rates["tokens"], rates["texts"]
    ratio = ratios(tokens["batched"], tokens["serial"])
    ratio_fresh = ratios(texts["batched"], texts["fresh"])
    return {
        "serial_tokens_per_s": middle(tokens["serial"]),
        "batched_tokens_per_s": middle(tokens["batched"]),
        "ratio": middle(ratio),
        "ratio_fresh": middle(ratio_fresh),
        **{f"{way}_texts_per_s": middle(rounds) for way, rounds in texts.items()},
        "rounds": {"ratio": ratio, "ratio_fresh": ratio_fresh, "tokens_per_s": tokens, "texts_per_s": texts},
    }


def count(texts: Iterable[Completion]) -> Mapping[str, float]:
    """Count all tokens, and the texts that ended and say something."""
    done = list(texts)
    accepted = sum(text.finish_reason == "stop" and bool(text.text) for text in done)
    return {"tokens": sum(text.tokens for text in done), "texts": accepted}


def measure_scoring(params: Params) -> dict[str, Any]:
    """Measure with the model, the demonstrations and the question of the stages."""
    card, config, train = load_card(params.task), params.labelling, read_rows(paths.REAL_TRAIN)
    prefix = labelled_prompt(card, draw_demonstrations(config.seed, config.demonstrations, card, train))
    suffixes = suffixes_of(card, read_rows(paths.REAL_POOL))
    choices = choices_of(card)
    with open_both(params.llm) as (engine, plain):
        engine.score(prefix, suffixes[:4], choices)  # warm up
        plain.score(prefix, choices)
        return compare_scoring(engine, plain, prefix, suffixes, choices)


def compare_scoring(
    model: LanguageModel, plain: PlainLlama, prefix: str, suffixes: Sequence[str], choices: Sequence[str]
) -> dict[str, Any]:
    """Run both ways in turn, on other texts in each round; count how often they prefer the same label."""
    batches = [suffixes[CHUNK_TEXTS * number :][:CHUNK_TEXTS] for number in range(ROUNDS)]
    preferred: list[npt.NDArray[Any]] = []
    agreed: list[bool] = []

    def batched(number: int) -> Mapping[str, float]:
        scores = model.score(prefix, batches[number], choices).log_probabilities
        preferred.append(scores.argmax(axis=1))
        return {"texts": len(scores)}

    def serial(number: int) -> Mapping[str, float]:
        texts = batches[number][:ONE_BY_ONE]
        best = [plain.score(prefix + text, choices).argmax() for text in texts]
        agreed.extend(preferred[number][: len(best)] == best)
        return {"texts": len(best)}

    texts = interleave("verify", {"batched": batched, "serial": serial}, ROUNDS)["texts"]
    ratio = ratios(texts["batched"], texts["serial"])
    return {
        "serial_texts_per_s": middle(texts["serial"]),
        "batched_texts_per_s": middle(texts["batched"]),
        "ratio": middle(ratio),
        "same_label_share": round(float(sum(agreed)) / max(1, len(agreed)), 3),
        "rounds": {"ratio": ratio, "texts_per_s": texts},
    }
