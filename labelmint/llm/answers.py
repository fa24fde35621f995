"""Read the answers of an OpenAI-compatible server: models, texts, and the likeliest next tokens."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labelmint.core.errors import ModelError
from labelmint.core.quoting import one_line
from labelmint.core.records import without_surrogates
from labelmint.llm.base import Completion, Sampling
from labelmint.llm.markers import without_thoughts
from labelmint.llm.replies import RefusedError, reason_in, text_of

LEAST = -100.0  # log-probabilities below it are as good as impossible; servers write -inf in various ways
# What servers call the end of a text; of anything else, "length" or a filter, it isn't whole.
ENDED = {"stop", "eos", "eos_token", "stop_sequence", "stop_token", "end_turn", "end_of_text", "completed"}
NO_LOGPROBS = (
    "so it can't score labels; set labelling.scorers: [classifier] (with fewer than 20 real rows: "
    "labelling.action: none and prepare.unlabelled_rows: 0) and remove the arms with student llm or "
    "llm_probe, or use llama-server or vLLM"
)


def model_names(answer: Any) -> list[str]:
    """Return the names of the server's models."""
    models = answer
    if isinstance(answer, dict):
        models = answer["data"] if isinstance(answer.get("data"), list) else answer.get("models")
    if not isinstance(models, list):
        raise RefusedError(
            f"llm.server.url: /models gives no list of models{_shown(answer)}; "
            "is it an OpenAI-compatible server?",
            200,
        )
    keys = ("id", "name", "model")
    return [
        str(next((model[key] for key in keys if model.get(key)), ""))
        if isinstance(model, dict)
        else str(model)
        for model in models
    ]


def completion(answer: Any, sampling: Sampling) -> Completion:
    """Return the text of an answer, up to the stop text, and whether it ended by itself.

    Without a finish reason it did if it has fewer tokens than were allowed. Of a server that doesn't count
    them there is one for each four bytes.
    """
    choice = _first_choice(answer)
    text, reason = text_of(choice), choice.get("finish_reason")
    if text is None:
        raise ModelError(
            f"llm.server: an answer has no text{_shown(answer)}; is it a completions endpoint? "
            "llm.server.url mostly ends in /v1"
        )
    text = without_thoughts(without_surrogates(text)).lstrip()
    usage = answer.get("usage")
    counted = usage.get("completion_tokens") if isinstance(usage, dict) else None
    if not isinstance(counted, int | float) or not 0 < counted < math.inf:
        counted = None
    if isinstance(reason, dict):
        reason = reason.get("type")
    if sampling.stop and sampling.stop in text:  # the server sent more than it was asked for
        text, reason = text[: text.index(sampling.stop)], "stop"
    if not reason and counted is None:
        raise ModelError(
            "llm.server: an answer says neither how the text ended (finish_reason) nor how many tokens it "
            "has (usage), so a text that was cut off looks like a whole one; use llama-server or vLLM"
        )
    ended = str(reason).lower() in ENDED if reason else (counted or 0) < sampling.max_new_tokens
    tokens = int(counted) if counted else math.ceil(len(text.encode()) / 4)
    return Completion(text.strip(), tokens, "stop" if ended else "length")


def top_tokens(answer: Any) -> dict[str, float]:
    """Return the log-probabilities of the likeliest first tokens by their text."""
    tops: dict[str, float] = {}
    for token, value in _top_pairs(_first_choice(answer).get("logprobs")):
        try:
            logprob = max(LEAST, float(value))
        except (TypeError, ValueError):
            continue
        text = str(token)
        if text[:1] in ("Ġ", "▁"):  # a space, as tokenizers' own files write it
            text = f" {text[1:]}"
        # Two tokens may read the same, as halves of characters.
        tops[text] = max(tops.get(text, LEAST), logprob)
    if not tops:
        raise ModelError(f"llm.server: an answer has no logprobs, {NO_LOGPROBS}")
    return tops


def _top_pairs(logprobs: Any) -> Iterator[tuple[Any, Any]]:
    """Yield tokens with log-probabilities.

    vLLM answers as OpenAI's completions do, with a mapping per token; llama-server as its chats, with a list.
    """
    if not isinstance(logprobs, dict):
        return
    places = logprobs.get("content") or logprobs.get("top_logprobs") or []
    place = next(filter(None, places), None) if isinstance(places, list) else places
    if isinstance(place, dict) and "top_logprobs" in place:
        place = place["top_logprobs"]
    if isinstance(place, dict):
        yield from place.items()
    elif isinstance(place, list):
        yield from ((one.get("token"), one.get("logprob")) for one in place if isinstance(one, dict))


def _first_choice(answer: Any) -> dict[str, Any]:
    """Return the choice of index 0, wherever it is; {} if there is none."""
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list):
        return {}
    found = [choice for choice in choices if isinstance(choice, dict)]
    choice = next((choice for choice in found if choice.get("index") == 0), found[0] if found else {})
    if choice.get("error"):
        raise ModelError(f"llm.server: {one_line(reason_in(choice['error']))}")
    return choice


def _shown(answer: Any) -> str:
    """Show an answer that isn't understood."""
    return f" ({one_line(reason_in(answer))})" if answer else ""


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
