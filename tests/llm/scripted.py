"""An HTTP server on this machine that answers as a script says, for tests of the server backend."""

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, NamedTuple

from labelmint.llm.server import Server
from tests.builders import llm_server

COMPLETIONS = "/v1/completions"


class Reply(NamedTuple):
    """What the server says; a `content` that isn't bytes is sent as JSON, after so many seconds."""

    content: Any
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    delay: float = 0.0


class Seen(NamedTuple):
    """A request that the server got."""

    path: str
    body: Any
    headers: dict[str, str]


Script = Callable[[Seen], Reply]


class ScriptedServer:
    """Answers by `routes` (path → script), keeps what it was asked and how much of it at once."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.routes: dict[str, Script] = {"/v1/models": lambda _: Reply({"data": [{"id": "toy"}]})}
        self.seen: list[Seen] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    def bodies(self, path: str = COMPLETIONS) -> list[Any]:
        """Return the bodies of the requests to a path, in the order of their arrival."""
        return [seen.body for seen in self.seen if seen.path == path]

    def replies(self, path: str, *replies: Reply) -> None:
        """Answer with the replies in turn, and with the last one from then on."""
        left = list(replies)

        def script(_: Seen) -> Reply:
            with self.lock:
                return left.pop(0) if len(left) > 1 else left[0]

        self.routes[path] = script

    def answer(self, seen: Seen) -> Reply:
        """Run the script of the request's path; 404 if there is none."""
        with self.lock:
            self.seen.append(seen)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            script = self.routes.get(seen.path)
            reply = script(seen) if script else Reply({"error": {"message": "no such path"}}, 404)
            time.sleep(reply.delay)
        finally:
            with self.lock:
                self.at_once -= 1
        return reply


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """Run a scripted server on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # 40 ms less for each answer

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            reply = server.answer(Seen(self.path, body, dict(self.headers)))
            raw = reply.content if isinstance(reply.content, bytes) else json.dumps(reply.content).encode()
            try:
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(raw)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client has given up

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False  # a scripted hang must not hold up the test
        request_queue_size = 64

        def handle_error(self, *_: object) -> None:
            """Keep quiet: clients that give up are part of the tests."""

    http = Quiet(("127.0.0.1", 0), Handler)
    server = ScriptedServer(f"http://127.0.0.1:{http.server_address[1]}/v1")
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def written(text: str, tokens: int = 3, reason: str | None = "stop") -> Reply:
    """Return a completion as llama-server and vLLM give it."""
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}
    return Reply({"choices": [choice], "usage": {"completion_tokens": tokens, "prompt_tokens": 5}})


def read_as_list(probabilities: dict[str, float]) -> Reply:
    """Return likeliest tokens as llama-server does."""
    top = [{"id": n, "token": t, "logprob": math.log(p)} for n, (t, p) in enumerate(probabilities.items())]
    logprobs = {"content": [{"id": 0, "token": "x", "logprob": 0.0, "top_logprobs": top}]}
    return Reply({"choices": [{"text": "x", "logprobs": logprobs, "finish_reason": "length"}]})


def read_as_mapping(probabilities: dict[str, float]) -> Reply:
    """Return likeliest tokens as vLLM does."""
    top = {token: math.log(probability) for token, probability in probabilities.items()}
    logprobs = {"tokens": ["x"], "token_logprobs": [0.0], "top_logprobs": [top], "text_offset": [0]}
    return Reply({"choices": [{"text": "x", "logprobs": logprobs, "finish_reason": "length"}]})


def connect(served: ScriptedServer, **changes: Any) -> Server:
    """Open the scripted server as a language model."""
    return Server(llm_server(**{"url": served.url, "retries": 3, "timeout_seconds": 20.0, **changes}))
