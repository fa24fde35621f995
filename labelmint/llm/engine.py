"""Write and read in batches over shared prompt prefixes, on llama.cpp.

A prompt is decoded once, and its KV cells are shared by all the texts written from it (or read after it).
Every text has its own random stream. A call starts from a cleared cache and depends on its arguments and
on `identity` alone: the arithmetic depends on what shares a batch, so nothing else may.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

import joblib
import llama_cpp

from labelmint.core.errors import ModelError
from labelmint.core.params import Llm
from labelmint.llm.base import ChoiceScores, Completion, PromptGroup, Sampling
from labelmint.llm.catalog import Entry
from labelmint.llm.catalog.files import identity
from labelmint.llm.llama import BATCH_TOKENS, MAX_SEQUENCES, Llama
from labelmint.llm.markers import apart
from labelmint.llm.reading import Reader, distinguishing_prefixes
from labelmint.llm.template import ChatTemplate
from labelmint.llm.writing import Writer

# Raised whenever the same arguments would give other output; part of the cache's fingerprint.
ENGINE_VERSION = 1

OnText = Callable[[Completion], None]


class Engine:
    """A `LanguageModel` on llama.cpp, of a checked GGUF file with this entry in the catalogue."""

    def __init__(self, path: Path, entry: Entry, llm: Llm) -> None:
        self.path = path
        self.kind: Literal["base", "chat"] = "chat" if entry.kind == "chat" else "base"
        self.can_give_states = True
        self.slots = llm.slots
        # Not os.cpu_count(): in a container with a CPU quota, threads would fight for the CPUs.
        self.threads = llm.threads or joblib.cpu_count()
        self.llama = Llama(path, llm.context_tokens, self.threads, llm.gpu_layers)
        self._reader = lru_cache(maxsize=1)(self._new_reader)
        self.identity = {
            "engine": ENGINE_VERSION,
            "library": llama_cpp.__version__,
            "model": identity(path, entry),
            "kind": self.kind,
            "context_tokens": llm.context_tokens,
            "slots": self.slots,
            "threads": self.threads,
            "gpu_layers": llm.gpu_layers,
            "batch_tokens": BATCH_TOKENS,
        }

    def close(self) -> None:
        """Free the model."""
        self.llama.close()

    def check_wave(self, groups: Sequence[PromptGroup], sampling: Sampling) -> None:
        """Raise if there are too many sequences or too few KV cells."""
        if len(groups) + self.slots > MAX_SEQUENCES:
            raise ModelError(
                f"params.yaml: llm.slots={self.slots} and generate.prompts_per_wave={len(groups)} "
                f"are together more than {MAX_SEQUENCES}; lower one"
            )
        lengths = [len(self._tokenize_prompt(group.prompt)) for group in groups]
        longest = max(lengths, default=0) + sampling.max_new_tokens
        if longest > self.llama.trained_tokens:
            raise ModelError(
                f"params.yaml: a prompt of {max(lengths)} tokens and a text of up to "
                f"{sampling.max_new_tokens} are more than the {self.llama.trained_tokens} that llm.model was "
                "trained for; lower generate.demonstrations or max_new_tokens, or choose another model"
            )
        texts = min(self.slots, sum(len(group.seeds) for group in groups))
        needed = sum(lengths) + texts * sampling.max_new_tokens
        if needed > self.llama.context_tokens:
            fewer = "generate.prompts_per_wave, " if len(groups) > 1 else ""
            raise ModelError(
                f"params.yaml: {len(groups)} prompts of up to {max(lengths)} tokens and {texts} texts of up "
                f"to {sampling.max_new_tokens} need {needed} tokens, more than "
                f"llm.context_tokens={self.llama.context_tokens}; raise it to {-(-needed // 256) * 256}, "
                f"lower generate.demonstrations, {fewer}or llm.slots, or cut rows by the card's `excerpt`"
            )

    def write_wave(
        self, groups: Sequence[PromptGroup], sampling: Sampling, on_text: OnText | None = None
    ) -> list[list[Completion]]:
        """Write every group's texts, all prompts loaded first, then one queue over all slots."""
        self.check_wave(groups, sampling)
        results: list[list[Completion | None]] = [[None] * len(group.seeds) for group in groups]
        silent = self._silent if sampling.never_empty else ()
        for group, number, completion in Writer(self.llama, self.slots, sampling, silent).write(
            groups, [self._tokenize_prompt(group.prompt) for group in groups]
        ):
            results[group][number] = completion
            if on_text:
                on_text(completion)
        return [[completion for completion in row if completion] for row in results]

    @cached_property
    def _silent(self) -> list[int]:
        """The tokens without a letter or sign: white space, control tokens, ends."""
        llama = self.llama
        return [t for t in range(llama.vocabulary) if llama.ends(t) or not llama.piece(t).strip()]

    def score(self, prefix: str, suffixes: Sequence[str], choices: Sequence[str]) -> ChoiceScores:
        """Read each suffix after the shared prefix; see `LanguageModel.score`."""
        texts = [self.llama.tokenize(self._letters(text), start=False) for text in suffixes]
        return self._reader(prefix, tuple(choices)).read(texts)

    def fits(self, prefix: str, suffix: str, choices: Sequence[str]) -> bool:
        """Return whether `score` can read a suffix of this length."""
        return self.count_tokens([suffix])[0] <= self.reading_room(prefix, choices)

    def reading_room(self, prefix: str, choices: Sequence[str]) -> int:
        """Return how many tokens a suffix may have that is read after the prefix."""
        return self._reader(prefix, tuple(choices)).text_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has as a part of a longer one."""
        return [len(self.llama.tokenize(self._letters(text), start=False)) for text in texts]

    def _new_reader(self, prefix: str, choices: tuple[str, ...]) -> Reader:
        branches = distinguishing_prefixes(
            [self.llama.tokenize(choice, start=False) for choice in choices],
            [self.llama.tokenize(choice + "\n", start=False) for choice in choices],
        )
        # No template, but texts alone: control tokens in them are letters, to a chat model too.
        start = self.llama.tokenize(self._letters(prefix), start=True)
        return Reader(self.llama, start, branches)

    def chat_prompt(self, user: str, answer_start: str) -> str:
        """Wrap a request in the GGUF's own chat template, ready to go on with the answer."""
        return self._template.wrap(self._letters(user)) + self._letters(answer_start)

    def _letters(self, text: str) -> str:
        """Return a text in which a chat model reads no control token."""
        return apart(text, self._markers) if self.kind == "chat" else text

    @cached_property
    def _template(self) -> ChatTemplate:
        source = self.llama.metadata("tokenizer.chat_template")
        if self.kind != "chat" or not source:
            raise ModelError("data/models.yaml: the model has no chat template; give it `kind: base`")
        return ChatTemplate(self.path, source, *self.llama.template_tokens())

    @cached_property
    def _markers(self) -> re.Pattern[str]:
        """The control tokens' texts, longest first; matches nothing if there are none."""
        template = self.llama.metadata("tokenizer.chat_template") or ""
        texts = sorted(self.llama.special_texts(template), key=lambda text: (-len(text), text))
        return re.compile("|".join(map(re.escape, texts)) or r"(?!)")

    def _tokenize_prompt(self, prompt: str) -> list[int]:
        return self.llama.tokenize(prompt, start=True, special=self.kind == "chat")
