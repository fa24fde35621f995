"""Wrap a request in a model's chat template: the same bytes on any day, or one line that says why not."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from labelmint.core.errors import ModelError
from labelmint.core.quoting import one_line
from labelmint.llm.markers import without_open_thought

# The day that Llama 3's templates name where they have no clock. Today's would give other prompts each day.
DAY = datetime(2024, 7, 26)

_GO = re.compile(r"\{\{-?\s*(?:\.|\$|if |range |end\b|template )")


class _Formatter(Jinja2ChatFormatter):
    @staticmethod
    def strftime_now(f: str) -> str:
        return DAY.strftime(f)


class ChatTemplate:
    """The chat template of a GGUF file, in Jinja; raises `ModelError` if it is none.

    `path` is for messages; `bos` and `eos` begin and end a text, for templates that write them.
    """

    def __init__(self, path: Path, source: str, bos: str, eos: str) -> None:
        self.path = path
        if _GO.search(source):
            raise self._error("is one of Go, as Ollama has them, and not Jinja")
        try:
            self._format = _Formatter(template=source, bos_token=bos, eos_token=eos)
        except Exception as error:  # of many kinds: a template runs expressions
            raise self._error(f"can't be read: {one_line(error)}") from None
        environment: Any = self._format._environment.environment
        environment.filters["random"] = lambda _, items: next(iter(items), "")
        del environment.globals["lipsum"]  # random words

    def wrap(self, request: str) -> str:
        """Return the prompt, up to the answer, with a thought that the template begins ended at once."""
        problem = ""
        # Templates of models that see images may want a list of parts.
        for content in (request, [{"type": "text", "text": request}]):
            messages: Any = [{"role": "user", "content": content}]
            try:
                prompt = self._format(messages=messages, enable_thinking=False).prompt
            except Exception as error:
                problem = problem or f"fails: {one_line(error) or type(error).__name__}"
                continue
            if request.strip() in prompt:
                return without_open_thought(prompt)
            problem = problem or "drops or changes the request"
        raise self._error(problem)

    def _error(self, problem: str) -> ModelError:
        return ModelError(
            f"{self.path}: its chat template {problem}; give the model `kind: base` in data/models.yaml, or "
            "take another GGUF file of it"
        )
