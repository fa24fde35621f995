"""The plain way to write and score with a local model: llama-cpp-python's high-level `Llama`, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from experiments.bench.timing import Timed, Way, interleave
from labelmint.core.params import Llm
from labelmint.llm import open_model
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


class PlainLlama:
    """One high-level context, which shares nothing but its prefix cache.

    Parameters
    ----------
    context_tokens : int
        Just enough for the longest prompt and its answer, rounded up to llama.cpp's padding.
    flash_attn : bool
        Whichever is faster is the fair baseline; see `open_fastest`.
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
        self.llama.n_tokens = 0
        self.llama.eval(tokens)
        after_text = self._log_probabilities()
        scores = np.array([after_text[branch[0]] for branch in branches], np.float32)
        for number, branch in enumerate(branches):
            for at, token in enumerate(branch[:-1]):
                self.llama.n_tokens = len(tokens) + at
                self.llama.eval([token])
                scores[number] += self._log_probabilities()[branch[at + 1]]
        return scores

    def _log_probabilities(self) -> Any:
        pointer = llama_cpp.llama_get_logits_ith(self.llama.ctx, -1)
        logits = np.ctypeslib.as_array(pointer, (self.llama.n_vocab(),)).astype(np.float64)
        return logits - logsumexp(logits)


@contextmanager
def open_engine(llm: Llm) -> Iterator[tuple[Engine, Place]]:
    """Open our engine as the stages do, and say where a plain context should run."""
    path = model_file(llm.model, load_entry(llm.model, ("base", "chat"), "llm.model"))
    with open_model(llm.model_copy(update={"backend": "llama_cpp"})) as engine:
        assert isinstance(engine, Engine)
        yield engine, Place(path, engine.threads, llm.gpu_layers)


@contextmanager
def open_fastest(
    place: Place, context_tokens: int, work: Callable[[PlainLlama, int], float]
) -> Iterator[PlainLlama]:
    """Open the plain context with flash attention on or off, whichever does more `work` in a second.

    `work` is called with the context and the number of the trial, and returns how much it did (say, tokens).
    """
    both = [PlainLlama(place, context_tokens, flash_attn) for flash_attn in (False, True)]

    def trial(plain: PlainLlama) -> Way:
        def way(number: int) -> Timed:
            timed = Timed()
            with timed.clock():
                timed.rows = work(plain, number)
            return timed

        return way

    try:
        for plain in both:
            work(plain, 0)  # warm up
        trials = interleave({str(plain.flash_attn): trial(plain) for plain in both}, _TRIALS)
        off, on = (
            Timed(sum(timed.seconds for timed in rounds), sum(timed.rows for timed in rounds)).rows_per_s
            for rounds in trials.values()
        )
        both.pop(0 if on > off else 1).close()
        yield both[0]
    finally:
        for plain in both:
            plain.close()
