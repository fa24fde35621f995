"""The plain way to write and read with a local model: llama-cpp-python's high-level `Llama`, one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

from experiments.bench.rounds import Timed, Way, interleave
from labelmint.core.params import Llm
from labelmint.llm.base import Completion, Sampling
from labelmint.llm.catalog import load_entry, model_file
from labelmint.llm.engine import Engine

# Both settings of flash attention are tried this often, in turn, before the faster one is taken.
_TRIALS = 5


@dataclass(frozen=True)
class Place:
    """Where a plain context runs: the same file, threads and GPU layers as the engine's."""

    path: Path
    threads: int
    gpu_layers: int


class _Counting(llama_cpp.Llama):
    """Counts sampled tokens as the engine does: `usage` leaves out the token that ends the answer."""

    sampled = 0

    def sample(self, *args: Any, **settings: Any) -> Any:
        self.sampled += 1
        return super().sample(*args, **settings)


class Serial:
    """One high-level context, no sharing but its own prefix cache.

    Parameters
    ----------
    place : Place
        File, threads and GPU layers.
    context_tokens : int
        Just enough for the longest prompt and its answer, rounded up to llama.cpp's padding.
    flash_attn : bool
        Whichever is faster is the fair baseline; see `fastest`.
    """

    def __init__(self, place: Place, context_tokens: int, flash_attn: bool) -> None:
        size = -(-context_tokens // 256) * 256
        self.flash_attn = flash_attn
        self.llama = _Counting(
            str(place.path),
            n_ctx=size,
            n_batch=size,  # a whole prompt in one decode
            n_ubatch=size,
            n_threads=place.threads,
            n_threads_batch=place.threads,
            n_gpu_layers=place.gpu_layers,
            flash_attn=flash_attn,
            logits_all=False,
            no_perf=True,
            verbose=False,
        )

    def close(self) -> None:
        """Free the model."""
        self.llama.close()

    def write(self, prompt: str, seed: int, sampling: Sampling) -> Completion:
        """Write one text as a user of the library does."""
        before = self.llama.sampled
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
        choice = answer["choices"][0]
        return Completion(choice["text"].strip(), self.llama.sampled - before, choice["finish_reason"])

    def score(self, text: str, branches: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """Decode a whole prompt from an empty cache; return the choices' scores, up to a constant."""
        tokens = self.llama.tokenize(text.encode(), add_bos=True)
        self.llama.reset()
        self.llama.eval(tokens)
        long = any(len(branch) > 1 for branch in branches)
        first = self._logits()
        base = _log_sum_exp(first) if long else 0.0
        out = np.array([first[branch[0]] - base for branch in branches], np.float32)
        for number, branch in enumerate(branches):
            for at, token in enumerate(branch[:-1]):
                self.llama.n_tokens = len(tokens) + at
                self.llama.eval([token])
                logits = self._logits()
                out[number] += logits[branch[at + 1]] - _log_sum_exp(logits)
        return out

    def _logits(self) -> npt.NDArray[np.float32]:
        pointer = llama_cpp.llama_get_logits_ith(self.llama.ctx, -1)
        return np.ctypeslib.as_array(pointer, (self.llama.n_vocab(),)).copy()


def _log_sum_exp(row: npt.NDArray[np.float32]) -> float:
    top = float(row.max())
    return top + float(np.log(np.exp(row - top).sum(dtype=np.float64)))


@contextmanager
def open_engine(llm: Llm) -> Iterator[tuple[Engine, Place]]:
    """Open our engine as the stages do, and say where a plain context should run."""
    entry = load_entry(llm.model, ("base", "chat"), "llm.model")
    path = model_file(llm.model, entry)
    engine = Engine(path, entry, llm)
    try:
        yield engine, Place(path, engine.threads, llm.gpu_layers)
    finally:
        engine.close()


def _trial(work: Callable[[Serial, int], float], serial: Serial, number: int) -> Timed:
    begin = time.perf_counter()
    done = work(serial, number)
    return Timed(time.perf_counter() - begin, done)


@contextmanager
def fastest(place: Place, context_tokens: int, work: Callable[[Serial, int], float]) -> Iterator[Serial]:
    """Open the plain context with flash attention on or off, whichever does more `work` in a second.

    `work` is given the context and the number of the trial, and returns how much it did (say, tokens).
    """
    both = [Serial(place, context_tokens, flash_attn) for flash_attn in (False, True)]
    try:
        for serial in both:
            work(serial, 0)  # warm up
        trials: dict[str, Way] = {str(serial.flash_attn): partial(_trial, work, serial) for serial in both}
        off, on = (
            sum(timed.rows for timed in every) / sum(timed.seconds for timed in every)
            for every in interleave(trials, _TRIALS).values()
        )
        best = int(on > off)
        both.pop(1 - best).close()
        yield both[0]
    finally:
        for serial in both:
            serial.close()
