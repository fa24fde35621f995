"""Talk to an HTTP server: many requests at once, each tried again when the reason may pass.

Everything runs in the calling thread: Ctrl-C drops the requests in flight, and callbacks need no locks.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import ssl
import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from ipaddress import IPv6Address, ip_address
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2
import tenacity

from labelmint.core.errors import ModelError
from labelmint.core.params import LlmServer
from labelmint.core.quoting import one_line
from labelmint.llm.replies import RefusedError, code_in, error_in, is_half, parse, words

KEY_VARIABLE = "LABELMINT_API_KEY"
LONGEST_RETRY_AFTER = 300.0  # seconds
LONGEST_ANSWER = 32_000_000  # bytes
PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that another try may not meet again

_BACKOFF = tenacity.wait_exponential_jitter(multiplier=0.5, max=30, jitter=0.5)

Result = TypeVar("Result")


class Request(NamedTuple):
    """A request: a POST if it has a body, else a GET."""

    url: str
    body: dict[str, Any] | None = None


class _PassingError(Exception):
    """A failure that may pass; `pause` is what the server asks for, in seconds."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class Endpoint:
    """The server of `llm.server`."""

    def __init__(self, server: LlmServer) -> None:
        self.server = server
        self.url = server.url.rstrip("/")
        self.root = self.url.removesuffix("/v1")  # llama-server's own endpoints are outside /v1
        self.key = _key()
        self.headers = {"Content-Type": "application/json"}
        if self.key:
            self.headers["Authorization"] = f"Bearer {self.key}"
        # Made once: reading the certificates takes longer than a small request.
        self.verify = _certificates() if urlsplit(self.url).scheme == "https" else False

    @property
    def is_here(self) -> bool:
        """Whether the server runs on this machine, so that no text leaves it."""
        host = (urlsplit(self.url).hostname or "").rstrip(".")
        try:
            address = ip_address(host)
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return (mapped or address).is_loopback

    def ask_all(
        self,
        requests: Sequence[Request],
        read: Callable[[Any], Result],
        on_result: Callable[[Result], object] = lambda _: None,
        *,
        retries: int | None = None,
    ) -> list[Result]:
        """Return what `read` makes of every answer's JSON, in the order of the requests.

        `on_result` is told of each as it arrives; `retries` replaces `llm.server.retries`. A server that
        can't be reached, refuses, or answers nonsense is a `ModelError`; the other requests are dropped.
        """
        turn = asyncio.Semaphore(self.server.concurrency)
        tries = 1 + (self.server.retries if retries is None else retries)

        async def one(client: httpx2.AsyncClient, request: Request) -> Result:
            async with turn:
                result = read(await self._ask(client, request, tries))
                on_result(result)
                return result

        async def together() -> list[Result]:
            # SIGTERM, which is told in one line, may be raised in a task: no traceback of it, too.
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)
            async with self._client() as client, asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(client, request)) for request in requests]
            return [task.result() for task in tasks]

        try:
            return asyncio.run(together())
        except ExceptionGroup as errors:
            error = errors.exceptions[0]
            if len(self.key) > 3:  # some servers repeat the key; a shorter one is no secret
                error.args = tuple(str(part).replace(self.key, "***") for part in error.args)
            raise error from None

    def _client(self) -> httpx2.AsyncClient:
        try:
            return httpx2.AsyncClient(
                headers=self.headers,
                verify=self.verify,
                timeout=None,
                limits=httpx2.Limits(max_connections=self.server.concurrency),
                trust_env=not self.is_here,  # no proxy between this machine and itself
            )
        except (ValueError, ImportError, httpx2.InvalidURL) as error:
            raise ModelError(
                f"the proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) can't be used: "
                f"{one_line(error)}; correct it, or name the host of llm.server.url in NO_PROXY"
            ) from None

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
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise ModelError(f"params.yaml: llm.server.url: {self.url}: {one_line(error)}") from None

    async def _try(self, client: httpx2.AsyncClient, request: Request) -> Any:
        seconds = self.server.timeout_seconds
        # Escapes make any text ASCII; half a surrogate pair is no text to a server.
        body = json.dumps(request.body).encode() if request.body is not None else None
        try:
            async with (
                asyncio.timeout(seconds),
                client.stream("POST" if body else "GET", request.url, content=body) as answer,
            ):
                raw = await self._whole(answer)
        except TimeoutError:
            raise _PassingError(f"nothing within timeout_seconds={seconds:g}") from None
        except httpx2.RequestError as error:
            reason = one_line(error) or type(error).__name__
            if "SSL" in reason:
                raise ModelError(f"{request.url}: {reason}; {_ssl_remedy(reason)}") from None
            raise _PassingError(reason) from None
        return self._read(request, answer, raw)

    async def _whole(self, answer: httpx2.Response) -> bytes:
        raw = bytearray()
        async for part in answer.aiter_bytes():
            raw += part
            if len(raw) > LONGEST_ANSWER:
                raise ModelError(
                    f"{answer.url}: an answer of more than {LONGEST_ANSWER / 1e6:.0f} MB is no text"
                )
        return bytes(raw)

    def _read(self, request: Request, answer: httpx2.Response, raw: bytes) -> Any:
        """Return the JSON of a finished answer, or raise what it says is wrong."""
        status = answer.status_code
        try:
            content = parse(raw)
        except ValueError:
            content = None
            if answer.is_success and is_half(raw):
                raise _PassingError(f"half an answer: {words(raw)}") from None
        if answer.is_success and content is not None and not error_in(content):
            return content
        reason = words(raw)
        said = f"status {status}" + (f": {reason}" if reason else "")
        if status in PASSING or (answer.is_success and code_in(content) in PASSING):
            raise _PassingError(said, _asked_pause(answer.headers.get("Retry-After", "").strip()))
        if answer.is_success and content is None:
            said = f"the answer is not JSON ({reason}); is it an OpenAI-compatible server?"
        raise RefusedError(f"{request.url}: {said}{self._remedy(request, answer, reason)}", status)

    def _remedy(self, request: Request, answer: httpx2.Response, reason: str) -> str:
        if answer.status_code in (401, 403):
            return f"; set {KEY_VARIABLE} to the server's key"
        if answer.status_code == 404 and "model" in reason.lower():
            return "; llm.server.model must be one that the server has"
        if answer.status_code == 404:
            return "; does llm.server.url end as the server's documentation says, mostly in /v1?"
        if answer.is_redirect and (to := one_line(answer.headers.get("Location", ""))):
            target = urljoin(request.url, to)
            base = target.rstrip("/").removesuffix(request.url.removeprefix(self.url))
            base = "the address of its API" if base in (self.url, target) else base
            return f": it points to {target}; set llm.server.url to {base}"
        return ""


def _asked_pause(header: str) -> float | None:
    """Return what `Retry-After` asks for, in seconds or as a date; None if that is nothing."""
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
        seconds = seconds if seconds > 0 else math.nan  # a clock that is wrong asks for nothing
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER) if math.isfinite(seconds) else None


def _pause(state: tenacity.RetryCallState) -> float:
    """Return the seconds to wait after a failure: what the server asks for, else twice as long each time."""
    error = state.outcome and state.outcome.exception()
    asked = error.pause if isinstance(error, _PassingError) else None
    return _BACKOFF(state) if asked is None else asked


def _certificates() -> ssl.SSLContext:
    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        raise ModelError(f"SSL_CERT_FILE or SSL_CERT_DIR has no certificates: {one_line(error)}") from None


def _key() -> str:
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ModelError(f"{KEY_VARIABLE}: the key has characters that no HTTP header may have; set it again")
    return key


def _ssl_remedy(reason: str) -> str:
    if "mismatch" in reason:
        return "llm.server.url must have the name that the server's certificate is for"
    if "expired" in reason:
        return "the server needs a new certificate; on this machine is http:// enough"
    if "CERTIFICATE" in reason:
        return "if you trust the server, set SSL_CERT_FILE to the file of its certificate"
    return "does it speak plain http? Then write http:// into llm.server.url"
