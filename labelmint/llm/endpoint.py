"""Talk to an HTTP server: many requests at once, each tried again when the reason may pass.

Everything runs in the calling thread: Ctrl-C drops the requests in flight, and callbacks need no locks.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx2
import tenacity

from labelmint.core.errors import ModelError
from labelmint.core.params import LlmServer

KEY_VARIABLE = "LABELMINT_API_KEY"
LONGEST_RETRY_AFTER = 300.0  # seconds
PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that another try may not meet again

_BACKOFF = tenacity.wait_exponential_jitter(multiplier=0.5, max=30, jitter=0.5)

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

    pause: float | None = None


class Endpoint:
    """The server of `llm.server`."""

    def __init__(self, server: LlmServer) -> None:
        self.server = server
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

    def ask_all(
        self,
        requests: Sequence[Request],
        read: Callable[[Any], Result],
        on_result: Callable[[Result], object] = lambda _: None,
        *,
        retries: int | None = None,
    ) -> list[Result]:
        """Return what `read` makes of every answer's JSON, in the order of the requests.

        `on_result` is told of each as it arrives; `retries` replaces `llm.server.retries`.

        Raises
        ------
        ModelError
            If the server can't be reached, refuses, or answers nonsense; the other requests are dropped.
        """
        turn = asyncio.Semaphore(self.server.concurrency)
        tries = 1 + (self.server.retries if retries is None else retries)

        async def one(client: httpx2.AsyncClient, request: Request) -> Result:
            async with turn:
                result = read(await self._ask(client, request, tries))
                on_result(result)
                return result

        async def together() -> list[Result]:
            async with self._client() as client, asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(client, request)) for request in requests]
            return [task.result() for task in tasks]

        try:
            return asyncio.run(together())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            headers=self.headers,
            verify=self.verify,
            timeout=None,
            limits=httpx2.Limits(max_connections=self.server.concurrency),
            trust_env=not self.is_here,  # no proxy between this machine and itself
        )

    async def _ask(self, client: httpx2.AsyncClient, request: Request, tries: int) -> Any:
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(_PassingError),
            stop=tenacity.stop_after_attempt(tries),
            wait=_pause,
            sleep=asyncio.sleep,
            reraise=True,
        )
        try:
            return await retrying(self._try, client, request)
        except _PassingError as error:
            times = f"after {tries} tries" if tries > 1 else "now"
            raise ModelError(
                f"{request.url}: no answer {times} ({error}); is the server running, and not overloaded? "
                "See params.yaml, llm.server: url, concurrency, retries, timeout_seconds"
            ) from None

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
            passing = _PassingError(_reason(answer))
            after = answer.headers.get("Retry-After", "").strip()
            passing.pause = min(float(after), LONGEST_RETRY_AFTER) if after.isdecimal() else None
            raise passing
        if not answer.is_success:
            raise RefusedError(f"{request.url}: {_reason(answer)}{_remedy(answer)}", answer.status_code)
        try:
            return answer.json()
        except ValueError:
            raise ModelError(
                f"{request.url}: the answer is not JSON; is it an OpenAI-compatible server?"
            ) from None


def _pause(state: tenacity.RetryCallState) -> float:
    """Return the seconds to wait after a failure: what the server asks for, else twice as long each time."""
    error = state.outcome and state.outcome.exception()
    asked = error.pause if isinstance(error, _PassingError) else None
    return _BACKOFF(state) if asked is None else asked


def _authorization() -> dict[str, str]:
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ModelError(f"{KEY_VARIABLE}: the key has characters that no HTTP header may have; set it again")
    return {"Authorization": f"Bearer {key}"} if key else {}


def _reason(answer: httpx2.Response) -> str:
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
