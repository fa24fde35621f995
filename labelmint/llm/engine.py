"""Write and read in batches over shared prompt prefixes, on llama.cpp.

A prompt is decoded once, and its KV cells are shared by all the texts written from it (or read after it).
Every text has its own random stream. A call starts from a cleared cache and depends on its arguments and
on `identity` alone: the arithmetic depends on what shares a batch, so nothing else may.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import joblib
import llama_cpp
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from labelmint.core.errors import ModelError
from labelmint.core.params import Llm
from labelmint.llm.base import ChoiceScores, Completion, PromptGroup, Sampling
from labelmint.llm.catalog import Entry
from labelmint.llm.llama import BATCH_TOKENS, MAX_SEQUENCES, Llama
from labelmint.llm.reading import Reader, distinguishing_prefixes
from labelmint.llm.writing import Writer

# Raised whenever the same arguments would give other output; part of the cache's fingerprint.
ENGINE_VERSION = 1

OnText = Callable[[Completion], None]


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
        self.can_score = self.can_give_states = True
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
        """Raise if there are too many sequences or too few KV cells."""
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
        start = self._tokenize_prompt(prefix)
        texts = [self.llama.tokenize(text, start=False) for text in suffixes]
        branches = distinguishing_prefixes(
            [self.llama.tokenize(choice, start=False) for choice in choices],
            [self.llama.tokenize(choice + "\n", start=False) for choice in choices],
        )
        return Reader(self.llama, start, branches).read(texts)

    def chat_prompt(self, user: str, answer_start: str) -> str:
        """Wrap a request in the GGUF's own chat template, ready to go on with the answer."""
        template = self.llama.metadata("tokenizer.chat_template")
        if self.kind != "chat" or not template:
            raise ModelError("data/models.yaml: the model has no chat template; give it `kind: base`")
        formatter = Jinja2ChatFormatter(template=template, eos_token="", bos_token="")
        content = _apart(user, self._markers)
        prompt = formatter(messages=[{"role": "user", "content": content}]).prompt
        return prompt + _apart(answer_start, self._markers)

    @cached_property
    def _markers(self) -> re.Pattern[str]:
        """The control tokens' texts, longest first; matches nothing if there are none."""
        template = self.llama.metadata("tokenizer.chat_template") or ""
        texts = sorted(self.llama.special_texts(template), key=lambda text: (-len(text), text))
        return re.compile("|".join(map(re.escape, texts)) or r"(?!)")

    def _tokenize_prompt(self, prompt: str) -> list[int]:
        return self.llama.tokenize(prompt, start=True, special=self.kind == "chat")


def _apart(text: str, markers: re.Pattern[str]) -> str:
    """Put a space into every control token's text, so that it is read as the letters that it is."""
    while found := markers.search(text):
        text = f"{text[: found.start() + 1]} {text[found.start() + 1 :]}"
    return text
