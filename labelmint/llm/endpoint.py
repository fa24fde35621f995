"""Talk to an HTTP server: many requests at once, each tried again when the reason may pass.

Everything runs in the calling thread: Ctrl-C drops the requests in flight, and callbacks need no locks.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx2

from labelmint.core.errors import ModelError
from labelmint.core.params import LlmServer

KEY_VARIABLE = "LABELMINT_API_KEY"
FIRST_PAUSE, LONGEST_PAUSE, LONGEST_RETRY_AFTER = 0.5, 30.0, 300.0  # seconds
PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that another try may not meet again

Result = TypeVar("Result")


class Request(NamedTuple):
    """A request: a POST if it has a body, else a GET."""

    url: str
    body: dict[str, Any] | None = None


class RefusedError(ModelError):
    """The server refused a request for good; `status` is its HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _PassingError(Exception):
    """A failure that may pass; `pause` is what the server asks for, in seconds."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


class Endpoint:
    """The server of `llm.server`.

    Parameters
    ----------
    server : LlmServer
        Its address, and how patient to be.
    sleep : callable
        Waits that many seconds before another try.
    """

    def __init__(self, server: LlmServer, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self.server, self.sleep = server, sleep
        self.url = server.url.rstrip("/")
        self.root = self.url.removesuffix("/v1")  # llama-server's own endpoints are outside /v1
        self.headers = {"Content-Type": "application/json", **_authorization()}
        # Made once: reading the certificates takes longer than a small request.
        secure = urlsplit(self.url).scheme == "https"
        self.verify: ssl.SSLContext | bool = httpx2.create_ssl_context() if secure else False

    @property
    def is_here(self) -> bool:
        """Whether the server runs on this machine, so that no text leaves it."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")

    def ask(self, request: Request, *, retries: int | None = None) -> Any:
        """Return the answer's JSON; `retries` replaces `llm.server.retries`."""
        return self.ask_all([request], lambda answer: answer, retries=retries)[0]

    def ask_all(
        self,
        requests: Sequence[Request],
        read: Callable[[Any], Result],
        on_result: Callable[[Result], object] | None = None,
        *,
        retries: int | None = None,
    ) -> list[Result]:
        """Return what `read` makes of every answer's JSON, in the order of the requests.

        `on_result` is told of each as it arrives.

        Raises
        ------
        ModelError
            If the server can't be reached, refuses, or answers nonsense; the other requests are dropped.
        """
        return asyncio.run(self._ask_all(requests, read, on_result, retries))

    async def _ask_all(
        self,
        requests: Sequence[Request],
        read: Callable[[Any], Result],
        on_result: Callable[[Result], object] | None,
        retries: int | None,
    ) -> list[Result]:
        turn = asyncio.Semaphore(self.server.concurrency)
        tries = 1 + (self.server.retries if retries is None else retries)

        async def one(client: httpx2.AsyncClient, request: Request) -> Result:
            async with turn:
                return read(await self._ask(client, request, tries))

        async with self._client() as client:
            tasks = [asyncio.create_task(one(client, request)) for request in requests]
            try:
                for done in asyncio.as_completed(tasks):
                    result = await done
                    if on_result:
                        on_result(result)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        return [task.result() for task in tasks]

    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            headers=self.headers,
            verify=self.verify,
            timeout=None,
            limits=httpx2.Limits(max_connections=self.server.concurrency),
            trust_env=not self.is_here,  # no proxy between this machine and itself
        )

    async def _ask(self, client: httpx2.AsyncClient, request: Request, tries: int) -> Any:
        for number in range(tries):
            try:
                return await self._try(client, request)
            except _PassingError as error:
                if number == tries - 1:
                    times = f"after {tries} tries" if tries > 1 else "now"
                    raise ModelError(
                        f"{request.url}: no answer {times} ({error}); is the server running, and not "
                        "overloaded? See params.yaml, llm.server: url, concurrency, retries, timeout_seconds"
                    ) from None
                await self.sleep(pause(number, random.random()) if error.pause is None else error.pause)
        raise AssertionError("at least one try")

    async def _try(self, client: httpx2.AsyncClient, request: Request) -> Any:
        seconds = self.server.timeout_seconds
        # Escapes make any text ASCII; half a surrogate pair is no text to a server.
        body = json.dumps(request.body).encode() if request.body is not None else None
        try:
            async with asyncio.timeout(seconds):
                answer = await client.request("POST" if body else "GET", request.url, content=body)
        except TimeoutError:
            raise _PassingError(f"nothing within timeout_seconds={seconds:g}") from None
        except httpx2.TransportError as error:
            raise _PassingError(str(error).strip() or type(error).__name__) from None
        if answer.status_code in PASSING:
            raise _PassingError(_said(answer), _retry_after(answer))
        if not answer.is_success:
            raise RefusedError(f"{request.url}: {_said(answer)}{_remedy(answer)}", answer.status_code)
        try:
            return answer.json()
        except ValueError:
            raise ModelError(
                f"{request.url}: the answer is not JSON; is it an OpenAI-compatible server?"
            ) from None


def pause(number: int, jitter: float) -> float:
    """Return the seconds to wait after a failure: twice as long each time, less up to half by `jitter`."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(number, 16)) * (1 - jitter / 2))


def _authorization() -> dict[str, str]:
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ModelError(f"{KEY_VARIABLE}: the key has characters that no HTTP header may have; set it again")
    return {"Authorization": f"Bearer {key}"} if key else {}


def _retry_after(answer: httpx2.Response) -> float | None:
    """Read the header Retry-After: seconds, or a date."""
    said = answer.headers.get("Retry-After", "").strip()
    try:
        seconds = float(said) if said.isdigit() else parsedate_to_datetime(said).timestamp() - time.time()
    except (ValueError, TypeError):
        return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)


def _said(answer: httpx2.Response) -> str:
    """Return the status, and the reason where the server gives one."""
    try:
        content = answer.json()
    except ValueError:
        content = None
    reason = content.get("error", content) if isinstance(content, dict) else None
    if isinstance(reason, dict):
        reason = reason.get("message") or reason.get("detail")
    text = " ".join(str(reason or "").split())[:300]
    return f"status {answer.status_code}" + (f": {text}" if text else "")


def _remedy(answer: httpx2.Response) -> str:
    if answer.status_code in (401, 403):
        return f"; set {KEY_VARIABLE} to the server's key"
    if answer.status_code == 404:
        return "; does llm.server.url end as the server's documentation says, mostly in /v1?"
    if answer.is_redirect:
        return f"; write the address that it points to into llm.server.url: {answer.headers.get('Location')}"
    return ""
