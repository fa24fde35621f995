"""A stand-in for an OpenAI-compatible server: instant, deterministic answers without a model."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SUBJECTS = ["film", "story", "script", "cast", "scene", "ending", "music", "plot", "camera", "drama"]
OPINIONS = {
    "negative": ["awful", "dull", "clumsy", "weak"],
    "positive": ["great", "bright", "lovely", "superb"],
}
FILLERS = [
    *("actor", "comedy", "voice", "city", "night", "road"),
    *("house", "river", "summer", "garden", "letter"),
]
WORDS = [*SUBJECTS, *FILLERS, *(word for words in OPINIONS.values() for word in words)]


def sentence(label: str, draw: random.Random) -> str:
    """Return a text of nine words, one of which is an opinion that tells its label."""
    words = [*draw.sample(SUBJECTS + FILLERS, 8), draw.choice(OPINIONS[label])]
    draw.shuffle(words)
    return " ".join(words)


@contextmanager
def stub_server(seconds: float = 0.0, asked: threading.Event | None = None) -> Iterator[str]:
    """Serve on this machine until the end of the `with`; yield the URL.

    Each answer takes `seconds`; `asked` is set when the first is asked for.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

        def do_GET(self) -> None:
            """Name the only model."""
            self._send({"data": [{"id": "stub"}]})

        def do_POST(self) -> None:
            """Write a text, or score a text's labels."""
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/v1/completions":
                self._send({"error": {"message": "no such path"}}, 404)
                return
            if asked:
                asked.set()
            time.sleep(seconds)
            choice = _scores(body) if "logprobs" in body else _text(body)
            self._send({"choices": [choice], "usage": {"completion_tokens": 9}})

        def _send(self, content: Any, status: int = 200) -> None:
            raw = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # A client that is killed hangs up: no news.
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


def _text(body: Any) -> dict[str, Any]:
    """Write for the label that the prompt names last."""
    prompt = body["prompt"].lower()
    label = max(OPINIONS, key=prompt.rfind)
    text = sentence(label, random.Random(f"{body['prompt']}:{body['seed']}"))
    return {"index": 0, "text": f" {text}", "finish_reason": "stop", "logprobs": None}


def _scores(body: Any) -> dict[str, Any]:
    """Score by the opinion that stands last in the prompt."""
    places = {label: max(map(body["prompt"].rfind, words)) for label, words in OPINIONS.items()}
    label = max(places, key=lambda name: places[name])
    top = {f" {name}": -0.2 if name == label else -2.0 for name in OPINIONS} | {" other": -4.0}
    logprobs = {"tokens": [f" {label}"], "token_logprobs": [-0.2], "top_logprobs": [top]}
    return {"index": 0, "text": f" {label}", "finish_reason": "length", "logprobs": logprobs}
