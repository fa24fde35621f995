"""Write and read in batches over shared prompt prefixes, on llama.cpp.

A prompt is decoded once, and its KV cells are shared by all the texts written from it (or read after it).
Every text has its own random stream. A call starts from a cleared cache and depends on its arguments and
on `identity` alone: the arithmetic depends on what shares a batch, so nothing else may.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import joblib
import llama_cpp
import numpy as np
import numpy.typing as npt
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from stages.errors import ModelError
from stages.llm.base import Completion, PromptGroup, Sampling
from stages.llm.catalog import Entry
from stages.llm.llama import BATCH_TOKENS, MAX_SEQUENCES, Llama
from stages.llm.reading import Reader, distinguishing_prefixes
from stages.llm.sampling import Distribution, block_maxima, distribution
from stages.params import Llm

# Raised whenever the same arguments would give other output; part of the journal's fingerprint.
ENGINE_VERSION = 1

OnText = Callable[[Completion], None]


@dataclass
class _Text:
    """A text being written in a slot (a sequence of its own)."""

    group: int
    number: int
    random: np.random.Generator
    sequence: int
    position: int
    last: int = -1
    raw: bytes = b""
    tokens: int = 0


class Engine:
    """A `LanguageModel` on llama.cpp.

    Parameters
    ----------
    path : Path
        Checked GGUF file.
    entry : Entry
        Its catalogue entry (kind, hash).
    llm : Llm
        The `llm` section of params.yaml.
    """

    def __init__(self, path: Path, entry: Entry, llm: Llm) -> None:
        self.kind: Literal["base", "chat"] = "chat" if entry.kind == "chat" else "base"
        self.slots = llm.slots
        # Not os.cpu_count(): in a container with a CPU quota, threads would fight for the CPUs.
        self.threads = llm.threads or joblib.cpu_count()
        self.llama = Llama(path, llm.context_tokens, MAX_SEQUENCES, self.threads, llm.gpu_layers)
        self._identity = {
            "engine": ENGINE_VERSION,
            "library": llama_cpp.__version__,
            "model": entry.sha256 or f"{path.resolve()}:{path.stat().st_size}:{path.stat().st_mtime_ns}",
            "kind": self.kind,
            "context_tokens": llm.context_tokens,
            "slots": self.slots,
            "threads": self.threads,
            "gpu_layers": llm.gpu_layers,
            "batch_tokens": BATCH_TOKENS,
        }

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that determines the output, apart from the arguments."""
        return dict(self._identity)

    def close(self) -> None:
        """Free the model."""
        self.llama.close()

    def check_wave(self, groups: Sequence[PromptGroup], sampling: Sampling) -> None:
        """Raise if there are too many sequences, or too few KV cells for the prompts and full slots."""
        if len(groups) + self.slots > MAX_SEQUENCES:
            raise ModelError(
                f"params.yaml: llm.slots={self.slots} and generate.prompts_per_wave={len(groups)} "
                f"are together more than {MAX_SEQUENCES}; lower one"
            )
        lengths = [len(self._tokenize_prompt(group.prompt)) for group in groups]
        texts = min(self.slots, sum(len(group.seeds) for group in groups))
        needed = sum(lengths) + texts * sampling.max_new_tokens
        if needed > self.llama.context_tokens:
            raise ModelError(
                f"params.yaml: {len(groups)} prompts of up to {max(lengths)} tokens and {texts} texts of up "
                f"to {sampling.max_new_tokens} need {needed} tokens, more than "
                f"llm.context_tokens={self.llama.context_tokens}; raise it, or lower "
                "generate.demonstrations, generate.prompts_per_wave or llm.slots"
            )

    def write_wave(
        self, groups: Sequence[PromptGroup], sampling: Sampling, on_text: OnText | None = None
    ) -> list[list[Completion]]:
        """Write every group's texts, all prompts loaded first, then one queue over all slots."""
        self.check_wave(groups, sampling)
        prompts = [self._tokenize_prompt(group.prompt) for group in groups]
        self.llama.clear()
        starts = []
        for number, prompt in enumerate(prompts):
            logits = self.llama.load(prompt, number)[None]
            starts.append(distribution(logits[0], block_maxima(logits)[0], sampling))
        results: list[list[Completion | None]] = [[None] * len(group.seeds) for group in groups]
        for text, completion in self._run_slots(groups, prompts, starts, sampling):
            results[text.group][text.number] = completion
            if on_text:
                on_text(completion)
        return [[completion for completion in row if completion] for row in results]

    def _run_slots(
        self,
        groups: Sequence[PromptGroup],
        prompts: list[list[int]],
        starts: list[Distribution],
        sampling: Sampling,
    ) -> Iterator[tuple[_Text, Completion]]:
        """Keep every slot busy until the queue is empty, then drain; yield each text as it ends."""
        queue = deque((g, n) for g, group in enumerate(groups) for n in range(len(group.seeds)))
        free = deque(range(len(groups), len(groups) + self.slots))
        active: list[_Text] = []
        while queue or active:
            while queue and free:
                g, n = queue.popleft()
                random = np.random.Generator(np.random.PCG64(groups[g].seeds[n]))
                text = _Text(g, n, random, free[0], len(prompts[g]))
                # The first token follows the prompt, whose logits are known: no decoding for it.
                done = self._add_token(text, starts[g].draw(random), sampling)
                if done:
                    yield text, done
                else:
                    self.llama.share(g, free.popleft())
                    active.append(text)
            if not active:
                continue
            going = []
            for text, done in self._step(active, sampling):
                if done:
                    self.llama.drop(text.sequence)
                    free.append(text.sequence)
                    yield text, done
                else:
                    going.append(text)
            active = going

    def _step(self, active: list[_Text], sampling: Sampling) -> list[tuple[_Text, Completion | None]]:
        """Decode one token of every active text and draw the next ones."""
        for text in active:
            self.llama.put(text.last, text.position, [text.sequence], True)
            text.position += 1
        logits = self.llama.decode(len(active))
        maxima = block_maxima(logits)
        return [
            (text, self._add_token(text, distribution(row, top, sampling).draw(text.random), sampling))
            for text, row, top in zip(active, logits, maxima, strict=True)
        ]

    def _add_token(self, text: _Text, token: int, sampling: Sampling) -> Completion | None:
        """Add a drawn token; return the completion if that ends the text."""
        text.tokens += 1
        text.last = token
        if self.llama.ends(token):
            return _completion(text.raw, text.tokens, "stop")
        text.raw += self.llama.piece(token)
        stop = sampling.stop.encode()
        # Bytes, not characters: a token may hold half of an emoji.
        if stop and (at := text.raw.find(stop)) >= 0:
            return _completion(text.raw[:at], text.tokens, "stop")
        if text.tokens >= sampling.max_new_tokens:
            return _completion(text.raw, text.tokens, "length")
        return None

    def score(self, prefix: str, suffixes: Sequence[str], choices: Sequence[str]) -> npt.NDArray[np.float32]:
        """Read each suffix after the shared prefix; see `LanguageModel.score`."""
        special = self.kind == "chat"
        start = self._tokenize_prompt(prefix)
        texts = [self.llama.tokenize(text, start=False, special=special) for text in suffixes]
        branches = distinguishing_prefixes(
            [self.llama.tokenize(choice, start=False) for choice in choices],
            [self.llama.tokenize(choice + "\n", start=False) for choice in choices],
        )
        return Reader(self.llama, start, branches).read(texts)

    def chat_prompt(self, user: str, answer_start: str) -> str:
        """Wrap a request in the GGUF's own chat template, ready to go on with the answer."""
        template = self.llama.metadata("tokenizer.chat_template")
        if self.kind != "chat" or not template:
            raise ModelError("models/catalog.yaml: the model has no chat template; give it `kind: base`")
        formatter = Jinja2ChatFormatter(template=template, eos_token="", bos_token="")
        return formatter(messages=[{"role": "user", "content": user}]).prompt + answer_start

    def _tokenize_prompt(self, prompt: str) -> list[int]:
        return self.llama.tokenize(prompt, start=True, special=self.kind == "chat")


def _completion(raw: bytes, tokens: int, reason: Literal["stop", "length"]) -> Completion:
    return Completion(raw.decode("utf-8", errors="replace").strip(), tokens, reason)
