"""Read the answers of an OpenAI-compatible completions endpoint: texts, and the likeliest next tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labelmint.core.errors import ModelError
from labelmint.llm.base import Completion

LEAST = -100.0  # log-probabilities below it are as good as impossible; servers write -inf in various ways
BELOW = 1.0  # how far below the least likely of the returned tokens one that isn't returned is taken to be


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
        found: dict[str, float] = {}
        for token, value in pairs:  # two tokens may read the same, as halves of characters do
            found[str(token)] = max(found.get(str(token), LEAST), float(value))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        found = {}
    if not found:
        raise ModelError(
            "llm.server: an answer has no logprobs, so it can't read; set filter.verify.action: none, "
            "or use llama-server or vLLM"
        )
    return found


def scores(
    tokens: Mapping[str, float], choices: Sequence[str], first: Sequence[str] | None
) -> list[float | None]:
    """Return each choice's log-probability by the token that begins it; None where it isn't returned.

    Parameters
    ----------
    tokens : mapping
        From `top_tokens`.
    choices : sequence of str
        What may come next.
    first : sequence of str, or None
        The choices' first tokens, if the server tells; without them a choice is begun by the longest token
        that begins it, unless that begins another one as well.
    """
    if first is not None:
        return [tokens.get(token) for token in first]
    longest = [
        max((t for t in tokens if t.strip() and one.startswith(t)), key=len, default="") for one in choices
    ]
    return [tokens[token] if token and longest.count(token) == 1 else None for token in longest]


def filled(tokens: Mapping[str, float], found: Sequence[float | None]) -> list[float]:
    """Replace what is missing by a floor below the least likely token that was returned."""
    floor = min(tokens.values()) - BELOW
    return [floor if score is None else score for score in found]
