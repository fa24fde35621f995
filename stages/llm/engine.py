"""Write and read in batches over shared prompt prefixes, on llama.cpp.

A prompt is decoded once, and its KV cells are shared by all the texts written from it (or read after it).
Every text has its own random stream. A call starts from a cleared cache and depends on its arguments and
on `identity` alone: the arithmetic depends on what shares a batch, so nothing else may.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import llama_cpp
import numpy as np
import numpy.typing as npt
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from stages.errors import ModelError
from stages.llm.base import Completion, PromptGroup, Sampling
from stages.llm.catalog import Entry
from stages.llm.llama import BATCH_TOKENS, Llama
from stages.llm.machine import usable_threads
from stages.llm.sampling import Distribution, block_maxima, distribution
from stages.params import Llm

MAX_SEQUENCES = 256  # llama.cpp's LLAMA_MAX_SEQ
# Raised whenever the same arguments would give other output; part of the journal's fingerprint.
ENGINE_VERSION = 1


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
        self.threads = llm.threads or usable_threads()
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

    def write_wave(self, groups: Sequence[PromptGroup], sampling: Sampling) -> list[list[Completion]]:
        """Write every group's texts, all prompts loaded first, then one queue over all slots."""
        llama = self.llama
        if len(groups) + self.slots > MAX_SEQUENCES:
            raise ModelError(
                f"params.yaml: llm.slots={self.slots} and generate.prompts_per_wave={len(groups)} "
                f"are together more than {MAX_SEQUENCES}; lower one"
            )
        prompts = [self._tokenize_prompt(group.prompt) for group in groups]
        self._check_fits(prompts, sampling.max_new_tokens)
        llama.clear()
        starts = []
        for number, prompt in enumerate(prompts):
            logits = llama.load(prompt, number)[None]
            starts.append(distribution(logits[0], block_maxima(logits)[0], sampling))
        return self._run_slots(groups, prompts, starts, sampling)

    def _run_slots(
        self,
        groups: Sequence[PromptGroup],
        prompts: list[list[int]],
        starts: list[Distribution],
        sampling: Sampling,
    ) -> list[list[Completion]]:
        """Keep every slot busy until the queue is empty, then drain."""
        llama = self.llama
        results: list[list[Completion | None]] = [[None] * len(group.seeds) for group in groups]
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
                if done is None:
                    llama.share(g, free.popleft())
                    active.append(text)
                else:
                    results[g][n] = done
            if not active:
                continue
            going = []
            for text, done in self._step(active, sampling):
                if done is None:
                    going.append(text)
                else:
                    results[text.group][text.number] = done
                    llama.drop(text.sequence)
                    free.append(text.sequence)
            active = going
        return [[completion for completion in row if completion] for row in results]

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
        start = self._tokenize_prompt(prefix)
        special = self.kind == "chat"
        texts = [self.llama.tokenize(text, start=False, special=special) for text in suffixes]
        branches = distinguishing_prefixes(
            [self.llama.tokenize(choice, start=False) for choice in choices],
            [self.llama.tokenize(choice + "\n", start=False) for choice in choices],
        )
        extra = sum(len(branch) - 1 for branch in branches)
        width = max(1, sum(len(branch) > 1 for branch in branches))
        longest = max(map(len, texts), default=0) + extra
        if longest > BATCH_TOKENS or len(start) + longest > self.llama.context_tokens or not start:
            raise ModelError(
                f"params.yaml: a text of {longest} tokens after a prompt of {len(start)} does not fit in "
                f"llm.context_tokens={self.llama.context_tokens} (and {BATCH_TOKENS} for the text); "
                "show fewer or shorter rows, or raise it"
            )
        self.llama.clear()
        self.llama.load(start, 0)
        room = min(BATCH_TOKENS, self.llama.context_tokens - len(start))
        out = np.zeros((len(texts), len(branches)), np.float32)
        for rows in pack([len(text) + extra for text in texts], room, (MAX_SEQUENCES - 1) // width):
            self._score_batch(rows, texts, branches, len(start), width, out)
        return out

    def _score_batch(
        self,
        rows: Sequence[int],
        texts: list[list[int]],
        branches: list[list[int]],
        start: int,
        width: int,
        out: npt.NDArray[np.float32],
    ) -> None:
        """Read some texts in one decode; a text's tokens belong to all of its choices' sequences."""
        llama = self.llama
        outputs = 0
        after_text, after_choice = [], []
        for number, row in enumerate(rows):
            mine = list(range(1 + number * width, 1 + (number + 1) * width))
            for sequence in mine:
                llama.share(0, sequence)
            text = texts[row]
            for at, token in enumerate(text):
                llama.put(token, start + at, mine, at == len(text) - 1)
            after_text.append((row, outputs))
            outputs += 1
            free = iter(mine)
            for choice, branch in enumerate(branches):
                if len(branch) == 1:
                    continue
                sequence = next(free)
                for at, token in enumerate(branch[:-1]):
                    llama.put(token, start + len(text) + at, [sequence], True)
                    after_choice.append((row, choice, branch[at + 1], outputs))
                    outputs += 1
        logits = llama.decode(outputs)
        first = [branch[0] for branch in branches]
        for row, at in after_text:
            out[row] = logits[at, first]
            if after_choice:  # then the rows' constants matter
                out[row] -= _log_sum_exp(logits[at])
        for row, choice, token, at in after_choice:
            out[row, choice] += logits[at, token] - _log_sum_exp(logits[at])
        for sequence in range(1, 1 + len(rows) * width):
            llama.drop(sequence)

    def chat_prompt(self, user: str, answer_start: str) -> str:
        """Wrap a request in the GGUF's own chat template, ready to go on with the answer."""
        template = self.llama.metadata("tokenizer.chat_template")
        if self.kind != "chat" or not template:
            raise ModelError("models/catalog.yaml: the model has no chat template; give it `kind: base`")
        formatter = Jinja2ChatFormatter(template=template, eos_token="", bos_token="")
        return formatter(messages=[{"role": "user", "content": user}]).prompt + answer_start

    def _tokenize_prompt(self, prompt: str) -> list[int]:
        return self.llama.tokenize(prompt, start=True, special=self.kind == "chat")

    def _check_fits(self, prompts: list[list[int]], max_new_tokens: int) -> None:
        """Raise before any work if the prompts and full slots would not fit the KV cache."""
        needed = sum(map(len, prompts)) + self.slots * max_new_tokens
        if needed > self.llama.context_tokens:
            raise ModelError(
                f"params.yaml: {len(prompts)} prompts of up to {max(map(len, prompts))} tokens and "
                f"{self.slots} texts of up to {max_new_tokens} need {needed} tokens, more than "
                f"llm.context_tokens={self.llama.context_tokens}; raise it, or lower "
                "generate.demonstrations, generate.prompts_per_wave or llm.slots"
            )


def _completion(raw: bytes, tokens: int, reason: Literal["stop", "length"]) -> Completion:
    return Completion(raw.decode("utf-8", errors="replace").strip(), tokens, reason)


def _log_sum_exp(row: npt.NDArray[np.float32]) -> np.float32:
    top = row.max()
    return np.float32(top + np.log(np.exp(row - top).sum(dtype=np.float64)))


def distinguishing_prefixes(choices: list[list[int]], ended: list[list[int]]) -> list[list[int]]:
    """Cut each choice's tokens to the shortest start that no other choice shares; at least one token.

    Where one choice is the start of another ("very good", "very good indeed"), `ended`, the choices
    followed by a line break, are used instead.
    """

    def shared(a: list[int], b: list[int]) -> int:
        return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))

    def cut(every: list[list[int]]) -> list[list[int]]:
        lengths = [
            1 + max((shared(one, two) for j, two in enumerate(every) if j != i), default=0)
            for i, one in enumerate(every)
        ]
        if any(length > len(one) for length, one in zip(lengths, every, strict=True)):
            return []
        return [one[:length] for one, length in zip(every, lengths, strict=True)]

    result = cut(choices) or cut(ended)
    if not result:
        raise ModelError("task card: labels: two labels' phrases are the same to the model; change one")
    return result


def pack(sizes: Sequence[int], room: int, most: int) -> list[range]:
    """Return consecutive ranges whose sizes sum to at most `room`, of at most `most` items."""
    ranges, begin, used = [], 0, 0
    for at, size in enumerate(sizes):
        if at > begin and (used + size > room or at - begin == most):
            ranges.append(range(begin, at))
            begin, used = at, 0
        used += size
    if begin < len(sizes):
        ranges.append(range(begin, len(sizes)))
    return ranges
