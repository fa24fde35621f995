"""Read the answers of an OpenAI-compatible server: models, texts, and the likeliest next tokens."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from labelmint.core.errors import ModelError
from labelmint.llm.base import Completion

LEAST = -100.0  # log-probabilities below it are as good as impossible; servers write -inf in various ways


def model_names(answer: Any) -> list[str]:
    """Return the names of the server's models."""
    try:
        return [str(model["id"]) for model in answer["data"]]
    except (KeyError, TypeError):
        raise ModelError(
            "llm.server.url: /models gives no list of models; is it an OpenAI-compatible server?"
        ) from None


def completion(answer: Any) -> Completion:
    """Return the text of an answer; only "stop" says that it ended by itself."""
    try:
        choice = answer["choices"][0]
        text, tokens = choice["text"], answer["usage"]["completion_tokens"]
        reason = choice["finish_reason"]
    except (KeyError, IndexError, TypeError):
        text = tokens = reason = None
    if not isinstance(text, str) or not isinstance(tokens, int):
        raise ModelError("llm.server: an answer has no text or no usage; is it a completions endpoint?")
    return Completion(text.strip(), tokens, "stop" if reason == "stop" else "length")


def top_tokens(answer: Any) -> dict[str, float]:
    """Return the log-probabilities of the likeliest first tokens by their text.

    vLLM answers as OpenAI's completions do, a mapping per token; llama-server as its chat does, a list.
    """
    try:
        logprobs = answer["choices"][0]["logprobs"]
        if logprobs.get("content"):
            pairs = [(one["token"], one["logprob"]) for one in logprobs["content"][0]["top_logprobs"]]
        else:
            pairs = list(logprobs["top_logprobs"][0].items())
        tops: dict[str, float] = {}
        for token, value in pairs:  # two tokens may read the same, as halves of characters do
            tops[str(token)] = max(tops.get(str(token), LEAST), float(value))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        tops = {}
    if not tops:
        raise ModelError(
            "llm.server: an answer has no logprobs, so it can't score; set labelling.action: none, "
            "or use llama-server or vLLM"
        )
    return tops


def choice_scores(
    tokens: Mapping[str, float], choices: Sequence[str], first: Sequence[str] | None
) -> list[float]:
    """Return each choice's log-probability by the token that begins it; NaN where it isn't among `tokens`.

    `first` has the choices' first tokens, if the server tells; without them a choice is begun by the longest
    token that begins it, unless that begins another one as well.
    """
    if first is None:
        first = [
            max((t for t in tokens if t.strip() and one.startswith(t)), key=len, default="")
            for one in choices
        ]
        first = [token if first.count(token) == 1 else "" for token in first]
    return [tokens.get(token, math.nan) if token else math.nan for token in first]
