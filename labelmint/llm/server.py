"""Write and read on an OpenAI-compatible server (llama-server, vLLM) in the place of llama.cpp in-process.

The server decides what shares a batch, so the same request may be answered otherwise another time; what was
answered once is in the cache. Texts and prompts go to `llm.server.url` and nowhere else.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from difflib import get_close_matches
from functools import cache, partial
from itertools import combinations
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np

from labelmint.core.errors import ModelError
from labelmint.core.params import LlmServer
from labelmint.core.records import without_surrogates
from labelmint.llm.answers import NO_LOGPROBS, choice_scores, completion, model_names, top_tokens
from labelmint.llm.base import ChoiceScores, Completion, PromptGroup, Sampling
from labelmint.llm.endpoint import Endpoint, Request
from labelmint.llm.markers import COMMON, apart, without_open_thought
from labelmint.llm.replies import RefusedError

# Raised whenever the same arguments would be asked or read otherwise; part of the cache's fingerprint.
SERVER_VERSION = 1
BELOW = 1.0  # how far below the least likely token that is returned one is taken to be that isn't
TOP_TOKENS = (20, 5)  # as many as vLLM gives unless told otherwise; as many as OpenAI does
ABSENT = {200, 400, 404, 405, 422, 501}  # what servers say to a request outside the API that they have
MOST_NAMES = 10  # of models in a message
# For templates that know these switches: no thinking, and Llama 3's day in the place of today.
TEMPLATE_SETTINGS = {"enable_thinking": False, "date_string": "26 Jul 2024"}
DATES = ("%d %b %Y", "%Y-%m-%d", "%B %d, %Y", "%d %B %Y", "%b %d, %Y")


class Server:
    """A `LanguageModel` on the server of `llm.server`; raises `ModelError` unless it has the model."""

    def __init__(self, server: LlmServer) -> None:
        self.kind: Literal["base", "chat"] = server.kind
        self.can_give_states = False
        self.endpoint = Endpoint(server)
        if not self.endpoint.is_here:
            parts = urlsplit(server.url)
            plain = ", unencrypted" if parts.scheme == "http" else ""
            print(
                f"llm.server.url: texts leave this machine for {parts.hostname}{plain}: prompts, the real "
                "rows in them, and candidates",
                file=sys.stderr,
            )
        self.model = self._find_model(server.model)
        # What determines the output as far as can be told from here.
        self.identity = {
            "backend": "server",
            "version": SERVER_VERSION,
            "url": self.endpoint.url,
            "model": self.model,
            "kind": self.kind,
        }
        self._warned = False
        # The same choices are asked for in each chunk of texts.
        self._first_tokens = cache(self._ask_first_tokens)

    def _find_model(self, wanted: str) -> str:
        try:
            names = self._names(self.endpoint.url)
        except RefusedError as error:
            for url in _other_addresses(self.endpoint.url) if error.status in (200, 404, 405) else ():
                try:
                    self._names(url)
                except ModelError:
                    continue
                raise ModelError(
                    f"{error}; the server's API is at {url}: set llm.server.url to that"
                ) from None
            if wanted and error.status in ABSENT - {200}:
                return wanted  # a few servers don't list their models
            raise
        if wanted in names:
            return wanted
        if not wanted and len(names) == 1:
            return names[0]
        if not names:
            raise ModelError(f"params.yaml: {self.endpoint.url} has no model; load one on the server")
        problem = f"it has no {wanted!r}" if wanted else "llm.server.model must say which"
        shown = get_close_matches(wanted, names, MOST_NAMES, 0) if wanted else names[:MOST_NAMES]
        listed = ", ".join(shown)
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        raise ModelError(f"params.yaml: {self.endpoint.url} has {listed}{more}; {problem}")

    def _names(self, url: str) -> list[str]:
        return self.endpoint.ask_all([Request(f"{url}/models")], model_names, retries=0)[0]

    def fits(self, prefix: str, suffix: str, choices: Sequence[str]) -> bool:
        """Return True: a server doesn't tell how much fits."""
        return True

    def check_wave(self, groups: Sequence[PromptGroup], sampling: Sampling) -> None:
        """Leave it to the server, which refuses a prompt that is too long for it."""

    def write_wave(
        self,
        groups: Sequence[PromptGroup],
        sampling: Sampling,
        on_text: Callable[[Completion], None] | None = None,
    ) -> list[list[Completion]]:
        """Write every group's texts, one request each; see `LanguageModel.write_wave`."""
        settings = _settings(sampling)
        # A chat prompt has the template's control tokens.
        prompts = [group.prompt if self.kind == "chat" else _letters(group.prompt) for group in groups]
        requests = [
            self._completions({"prompt": without_surrogates(prompt), "seed": seed, **settings})
            for prompt, group in zip(prompts, groups, strict=True)
            for seed in group.seeds
        ]
        read = partial(completion, sampling=sampling)
        texts = iter(self.endpoint.ask_all(requests, read, on_text or (lambda _: None)))
        return [[next(texts) for _ in group.seeds] for group in groups]

    def score(self, prefix: str, suffixes: Sequence[str], choices: Sequence[str]) -> ChoiceScores:
        """Read each suffix after the prefix, by the choices' first tokens among the 20 likeliest.

        Choices that begin with the same token, or are never among the likeliest, are a `ModelError`.
        """
        first = self._first_tokens(tuple(choices))
        tops = self._top_tokens([_letters(prefix + one) for one in suffixes])
        scores = np.array([choice_scores(top, choices, first) for top in tops]).reshape(-1, len(choices))
        if tops and np.isnan(scores).all():
            likeliest = ", ".join(map(repr, sorted(tops[0], key=lambda token: -tops[0][token])[:5]))
            raise ModelError(
                f"{self.endpoint.url}: none of the labels ({', '.join(map(str.strip, choices))}) is among "
                f"the {max(map(len, tops))} likeliest tokens after any of {len(tops)} texts (after the "
                f"first: {likeliest}); change the task card's phrases or question, or set labelling.scorers: "
                "[classifier] and remove the arms with student llm or llm_probe"
            )
        # What isn't returned is less likely than all that is. The API has no hidden states.
        floors = np.array([min(top.values()) - BELOW for top in tops]).reshape(-1, 1)
        filled = np.where(np.isnan(scores), floors, scores).astype(np.float32)
        return ChoiceScores(filled, np.zeros((len(suffixes), 0), np.float32))

    def _top_tokens(self, prompts: Sequence[str]) -> list[dict[str, float]]:
        """Return the likeliest tokens after each prompt: 20, or as many as the server gives."""
        for count in TOP_TOKENS:
            settings = {"max_tokens": 1, "temperature": 0.0, "logprobs": count, "stream": False}
            requests = [self._completions({"prompt": prompt, **settings}) for prompt in prompts]
            try:
                return self.endpoint.ask_all(requests, top_tokens)
            except RefusedError as error:
                if "logprobs" not in str(error):
                    raise
                reason = str(error)
        raise ModelError(f"{reason}, {NO_LOGPROBS}")

    def chat_prompt(self, user: str, answer_start: str) -> str:
        """Have llama-server wrap a request in the model's chat template; other servers can't."""
        if self.kind != "chat":
            raise ModelError("params.yaml: llm.server.kind: base models have no chat template")
        user = _letters(user)
        body = {"messages": [{"role": "user", "content": user}], "chat_template_kwargs": TEMPLATE_SETTINGS}
        answer = self._beside("/apply-template", [body])
        prompt = answer[0].get("prompt") if answer and isinstance(answer[0], dict) else None
        if not isinstance(prompt, str):
            raise ModelError(
                f"params.yaml: llm.server.kind: chat needs llama-server's /apply-template, which "
                f"{self.endpoint.root} lacks; serve the model with llama-server, or set kind: base"
            )
        if user.strip() not in prompt:
            raise ModelError(
                f"params.yaml: llm.server: the chat template of {self.model} drops or changes the request; "
                "set llm.server.kind: base, or start llama-server with another --chat-template"
            )
        self._warn_of_today(prompt.replace(user.strip(), ""))
        return without_open_thought(prompt) + _letters(answer_start)

    def _warn_of_today(self, prompt: str) -> None:
        if not self._warned and any(f"{datetime.now():{format}}" in prompt for format in DATES):
            self._warned = True
            print(
                f"llm.server: the chat template of {self.model} puts today's date into each prompt, so other "
                "days give other texts, and finished work is not reused",
                file=sys.stderr,
            )

    def _completions(self, body: dict[str, Any]) -> Request:
        return Request(f"{self.endpoint.url}/completions", {"model": self.model, **body})

    def _beside(self, path: str, bodies: Sequence[dict[str, Any]]) -> list[Any] | None:
        """Ask an endpoint beside the OpenAI API; None if the server hasn't got it."""
        requests = [Request(self.endpoint.root + path, body) for body in bodies]
        try:
            return self.endpoint.ask_all(requests, lambda answer: answer)
        except RefusedError as error:
            if error.status in ABSENT:
                return None
            raise

    def _ask_first_tokens(self, choices: tuple[str, ...]) -> list[str] | None:
        """Return the text of each choice's first token; None if the server doesn't tell."""
        first = self._tokenized(choices)
        begins = first or [(choice.split() or [""])[0] for choice in choices]
        for (one, begin), (two, other) in combinations(zip(choices, begins, strict=True), 2):
            if begin == other:
                raise ModelError(
                    f"task card: labels: {one.strip()!r} and {two.strip()!r} begin alike, and a server is "
                    "asked for one token; change a phrase, or set llm.backend: llama_cpp"
                )
        return first

    def _tokenized(self, choices: tuple[str, ...]) -> list[str] | None:
        """Ask llama-server or vLLM, which call the same things by different names."""
        plain = {"model": self.model, "add_special": False, "add_special_tokens": False}
        numbers = self._beside("/tokenize", [{"content": one, "prompt": one, **plain} for one in choices])
        try:
            ids = [answer["tokens"][0] for answer in numbers or []]
            texts = self._beside("/detokenize", [{"model": self.model, "tokens": [number]} for number in ids])
            first = [str(answer.get("content") or answer["prompt"]) for answer in texts or []]
        except (KeyError, IndexError, TypeError, AttributeError):
            return None
        # Some tokenizers put a space of their own in front; it begins no label.
        return first if first and all(token.strip() for token in first) else None


def _letters(text: str) -> str:
    """Return a text in which no model reads a control token, and which UTF-8 can hold."""
    return apart(without_surrogates(text), COMMON)


def _settings(sampling: Sampling) -> dict[str, Any]:
    """Say everything: what is left out, servers take from their command line or the model's own settings."""
    return {
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k or -1,  # -1 is off everywhere, 0 only in newer versions of vLLM
        "min_p": sampling.min_p,
        "repeat_penalty": 1.0,  # llama-server's name
        "repetition_penalty": 1.0,  # vLLM's
        "stream": False,
        "stop": [sampling.stop] if sampling.stop else [],
    }


def _other_addresses(url: str) -> list[str]:
    """Return where the API of a mistaken address may be: /v1 is missing, doubled or followed by more."""
    root = re.sub(r"(/v1)?(/(chat/)?completions|/models)?$", "", url)
    return [address for address in (f"{root}/v1", root, f"{root}/api/v1") if address != url]
