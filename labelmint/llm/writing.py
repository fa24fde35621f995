"""Write many texts at once, each branching off its loaded prompt, from one queue over all slots."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from labelmint.core.arrays import Floats32
from labelmint.llm.base import Completion, PromptGroup, Sampling
from labelmint.llm.llama import Llama
from labelmint.llm.markers import without_thoughts
from labelmint.llm.sampling import Distribution, block_maxima, distribution


@dataclass
class _Text:
    """A text being written: its place in the groups, its random stream, its sequence and next position."""

    group: int
    number: int
    random: np.random.Generator
    sequence: int
    position: int
    written: list[int] = field(default_factory=list)
    raw: bytes = b""


class Writer:
    """Writes a wave, `slots` texts at once, none of which begins with a `silent` token; clears the cache."""

    def __init__(self, llama: Llama, slots: int, sampling: Sampling, silent: Sequence[int] = ()) -> None:
        self.llama = llama
        self.slots = slots
        self.sampling = sampling
        self.silent = np.array(silent, np.int64)

    def write(
        self, groups: Sequence[PromptGroup], prompts: list[list[int]]
    ) -> Iterator[tuple[int, int, Completion]]:
        """Yield each text as it ends: its group, its number in the group, and what was written.

        `prompts` are the tokens of the groups' prompts.
        """
        self.llama.clear()
        starts = [self._start(self.llama.load(prompt, g)) for g, prompt in enumerate(prompts)]
        free = deque(range(len(prompts), len(prompts) + self.slots))
        queue = deque((g, n) for g, group in enumerate(groups) for n in range(len(group.seeds)))
        active: list[_Text] = []
        while queue or active:
            while queue and free:
                g, n = queue.popleft()
                random = np.random.Generator(np.random.PCG64(groups[g].seeds[n]))
                text = _Text(g, n, random, free[0], len(prompts[g]))
                # The first token follows the prompt, whose logits are known: no decoding for it.
                done = self._add_token(text, starts[g].draw(random))
                if done:
                    yield g, n, done
                else:
                    self.llama.share(g, free.popleft())
                    active.append(text)
            unfinished = []
            for text, done in self._step(active):
                if done:
                    self.llama.drop(text.sequence)
                    free.append(text.sequence)
                    yield text.group, text.number, done
                else:
                    unfinished.append(text)
            active = unfinished

    def _start(self, logits: Floats32) -> Distribution:
        """Return the distribution of a group's first tokens, from the logits after its prompt."""
        logits = logits.copy()
        logits[self.silent] = -np.inf
        return distribution(logits, block_maxima(logits[None])[0], self.sampling)

    def _step(self, active: list[_Text]) -> list[tuple[_Text, Completion | None]]:
        """Decode one token of every active text, and draw the next ones."""
        for text in active:
            self.llama.put(text.written[-1], text.position, [text.sequence], True)
            text.position += 1
        logits = self.llama.decode(len(active))
        return [
            (text, self._add_token(text, distribution(row, top, self.sampling).draw(text.random)))
            for text, row, top in zip(active, logits, block_maxima(logits), strict=True)
        ]

    def _add_token(self, text: _Text, token: int) -> Completion | None:
        """Add a drawn token; return the completion if that ends the text."""
        text.written.append(token)
        count = len(text.written)
        if self.llama.ends(token):
            return _completion(text.raw, count, "stop")
        text.raw += self.llama.piece(token)
        stop = self.sampling.stop.encode()
        # Bytes, not characters: a token may hold half of an emoji.
        if stop and (at := text.raw.find(stop)) >= 0:
            return _completion(text.raw[:at], count, "stop")
        if count >= self.sampling.max_new_tokens:
            return _completion(text.raw, count, "length")
        return None


def _completion(raw: bytes, tokens: int, reason: Literal["stop", "length"]) -> Completion:
    text = without_thoughts(raw.decode("utf-8", errors="replace"))
    return Completion(text.strip(), tokens, reason)
