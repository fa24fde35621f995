"""Write many texts at once, each branching off its loaded prompt, from one queue over all slots.

With contrast, a text has one more sequence for each other label: it branches off that label's prompt and
gets the same drawn tokens.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from labelmint.llm.base import Completion, PromptGroup, Sampling
from labelmint.llm.grammar import GrammarConstraint
from labelmint.llm.llama import Llama
from labelmint.llm.sampling import Distribution, block_maxima, distribution


@dataclass(frozen=True)
class _Loaded:
    """A prompt in the cache."""

    sequence: int
    tokens: int
    logits: npt.NDArray[np.float32]  # after it


@dataclass
class _Text:
    """A text being written in a slot: a sequence after the own prompt, and one after each other prompt."""

    group: int
    number: int
    random: np.random.Generator
    sequences: list[int]
    positions: list[int]
    constraint: GrammarConstraint | None
    written: list[int] = field(default_factory=list)
    raw: bytes = b""


class Writer:
    """Writes a wave.

    Parameters
    ----------
    llama : Llama
        The model; its cache is cleared.
    slots : int
        Texts being written at once.
    sampling : Sampling
        How texts are drawn.
    begin : GrammarConstraint or None
        The beginning of the grammar.
    silent : sequence of int
        Tokens that no text may begin with.
    """

    def __init__(
        self,
        llama: Llama,
        slots: int,
        sampling: Sampling,
        begin: GrammarConstraint | None,
        silent: Sequence[int] = (),
    ) -> None:
        self.llama = llama
        self.slots = slots
        self.sampling = sampling
        self.begin = begin
        self.silent = np.array(silent, np.int64)

    def write(
        self, groups: Sequence[PromptGroup], prompts: list[list[int]]
    ) -> Iterator[tuple[int, int, Completion]]:
        """Yield each text as it ends: its group, its number in the group, and what was written.

        `prompts` are the tokens of `all_prompts`.
        """
        self.llama.clear()
        loaded = [
            _Loaded(sequence, len(prompt), self.llama.load(prompt, sequence).copy())
            for sequence, prompt in enumerate(prompts)
        ]
        found = dict(zip(all_prompts(groups, self.sampling), loaded, strict=True))
        sources = [
            [loaded[number], *(found[prompt] for prompt in _others(group, self.sampling))]
            for number, group in enumerate(groups)
        ]
        free = self._free_sequences(len(loaded), sequences_per_text(groups, self.sampling))
        for text, completion in self._run_slots(groups, sources, free):
            yield text.group, text.number, completion

    def _free_sequences(self, first: int, width: int) -> deque[list[int]]:
        """Return each slot's sequences: those after the own prompts come before all others."""
        others = np.arange(self.slots * (width - 1)).reshape(self.slots, width - 1) + first + self.slots
        return deque([first + slot, *map(int, others[slot])] for slot in range(self.slots))

    def _run_slots(
        self, groups: Sequence[PromptGroup], sources: list[list[_Loaded]], free: deque[list[int]]
    ) -> Iterator[tuple[_Text, Completion]]:
        """Keep every slot busy until the queue is empty, then drain; yield each text as it ends."""
        queue = deque((g, n) for g, group in enumerate(groups) for n in range(len(group.seeds)))
        starts = [self._start(source) for source in sources]
        active: list[_Text] = []
        while queue or active:
            while queue and free:
                g, n = queue.popleft()
                random = np.random.Generator(np.random.PCG64(groups[g].seeds[n]))
                positions = [source.tokens for source in sources[g]]
                text = _Text(g, n, random, free[0], positions, self.begin.copy() if self.begin else None)
                # The first token follows the prompt, whose logits are known: no decoding for it.
                done = self._add_token(text, starts[g].draw(random))
                if done:
                    yield text, done
                else:
                    for source, sequence in zip(sources[g], free.popleft(), strict=False):
                        self.llama.share(source.sequence, sequence)
                    active.append(text)
            if not active:
                continue
            going = []
            for text, done in self._step(active):
                if done:
                    for sequence, _ in zip(text.sequences, text.positions, strict=False):
                        self.llama.drop(sequence)
                    free.append(text.sequences)
                    yield text, done
                else:
                    going.append(text)
            active = going

    def _start(self, source: list[_Loaded]) -> Distribution:
        """Return the distribution of a group's first tokens."""
        logits = source[0].logits.copy()
        logits[self.silent] = -np.inf
        others = [other.logits for other in source[1:]]
        maxima = block_maxima(logits[None])[0]
        return distribution(logits, maxima, self.sampling, others=others, constraint=self.begin)

    def _step(self, active: list[_Text]) -> list[tuple[_Text, Completion | None]]:
        """Decode one token of every active text, after all of its prompts, and draw the next ones."""
        for text in active:
            self._put_last(text, 0)
        outputs = len(active)
        rows = []  # of each text's contrast
        for text in active:
            for at in range(1, len(text.positions)):
                self._put_last(text, at)
            rows.append(range(outputs, outputs + len(text.positions) - 1))
            outputs += len(text.positions) - 1
        logits = self.llama.decode(outputs)
        own = logits[: len(active)]
        result = []
        for text, row, top, others in zip(active, own, block_maxima(own), rows, strict=True):
            choice = distribution(
                row,
                top,
                self.sampling,
                written=text.written,
                others=[logits[other] for other in others],
                constraint=text.constraint,
            )
            result.append((text, self._add_token(text, choice.draw(text.random))))
        return result

    def _put_last(self, text: _Text, at: int) -> None:
        self.llama.put(text.written[-1], text.positions[at], [text.sequences[at]], True)
        text.positions[at] += 1

    def _add_token(self, text: _Text, token: int | None) -> Completion | None:
        """Add a drawn token; return the completion if that ends the text."""
        if token is None:  # nothing that the grammar allows has a token
            return _completion(text.raw, len(text.written), "length")
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
        if text.constraint:
            text.constraint.accept(token)
        return None


def _completion(raw: bytes, tokens: int, reason: Literal["stop", "length"]) -> Completion:
    return Completion(raw.decode("utf-8", errors="replace").strip(), tokens, reason)


def _others(group: PromptGroup, sampling: Sampling) -> tuple[str, ...]:
    return group.contrast if sampling.contrast else ()


def all_prompts(groups: Sequence[PromptGroup], sampling: Sampling) -> list[str]:
    """Return the prompts to load: every group's own, then each other one of the contrast once."""
    own = [group.prompt for group in groups]
    others = dict.fromkeys(prompt for group in groups for prompt in _others(group, sampling))
    return own + [prompt for prompt in others if prompt not in own]


def sequences_per_text(groups: Sequence[PromptGroup], sampling: Sampling) -> int:
    """Return the most sequences that a text needs."""
    return 1 + max((len(_others(group, sampling)) for group in groups), default=0)
