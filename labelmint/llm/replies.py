"""Read what a server sends: JSON, a stream of it, or an error in the server's own words."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from labelmint.core.errors import ModelError
from labelmint.core.quoting import one_line

_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_STREAM = re.compile(r"(?:data|event|id|retry)?:")
# Where servers put the reason of an error, or the part of it that is a text.
_REASONS: tuple[str, ...] = ("error", "errors", "message", "detail", "msg")
_REASONS += ("error_message", "error_msg", "description", "reason")


class RefusedError(ModelError):
    """The server refused a request for good; `status` is its HTTP status, which may be 200."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def parse(raw: bytes) -> Any:
    """Return an answer's JSON, that of a stream joined to one answer; raise ValueError if it isn't whole."""
    text = raw.decode("utf-8-sig", errors="replace").strip()
    try:
        return _joined(text) if _STREAM.match(text) else json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _joined(text: str) -> dict[str, Any]:
    """Join the events of a stream, which some servers send unasked; its text ends with a finish reason."""
    events = [line[5:].strip() for line in text.split("\n") if line.startswith("data:")]
    parts: list[str] = []
    choice: dict[str, Any] = {"finish_reason": None}
    answer: dict[str, Any] = {}
    for event in map(json.loads, filter(lambda one: one not in ("", "[DONE]"), events)):
        if error_in(event):
            return {"error": event["error"]}
        if not isinstance(event, dict):
            continue
        answer["usage"] = event.get("usage") or answer.get("usage")
        pieces = event.get("choices")
        for piece in pieces if isinstance(pieces, list) else ():
            first = isinstance(piece, dict) and piece.get("index") in (0, None)
            if first and choice["finish_reason"] is None:
                parts.append(text_of(piece) or "")
                choice["finish_reason"] = piece.get("finish_reason") or None
                choice["logprobs"] = choice.get("logprobs") or piece.get("logprobs")
    if choice["finish_reason"] is None and "[DONE]" not in events:
        raise ValueError("the stream ends early")
    return {**answer, "choices": [{**choice, "text": "".join(parts)}]}


def text_of(choice: Any) -> str | None:
    """Return a choice's text, as completions or chats have it; None if it has none.

    It is "" where the model only thought, called a tool, or was stopped by a filter.
    """
    if not isinstance(choice, dict):
        return None
    inner = choice.get("message") or choice.get("delta")
    for place, key in ((choice, "text"), (inner, "content")):
        if isinstance(place, dict) and key in place:
            content = place[key]
            if isinstance(content, list):
                content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
            return content if isinstance(content, str) else "" if content is None else None
    return "" if inner else None


def error_in(answer: Any) -> bool:
    """Return whether an answer is an error, whatever its status."""
    return isinstance(answer, dict) and bool(answer.get("error")) and not answer.get("choices")


def code_in(answer: Any) -> object:
    """Return the status that an error names in its body, where it names one."""
    error = answer.get("error") if isinstance(answer, dict) else None
    places = [place for place in (error, answer) if isinstance(place, dict)]
    return next((place[key] for place in places for key in ("code", "status") if key in place), None)


def words(raw: bytes) -> str:
    """Return the reason in an answer's body, or the body's own text; "" if there is none."""
    try:
        answer = parse(raw)
    except ValueError:
        text = raw[:100_000].decode("utf-8", errors="replace")
        return one_line(html.unescape(_TAGS.sub(" ", text)) if "<" in text else text)
    return one_line(reason_in(answer))


def is_half(raw: bytes) -> bool:
    """Return whether an answer that can't be parsed is JSON, or a stream, that was cut off; or empty."""
    start = raw[:1000].decode("utf-8-sig", errors="replace").lstrip()
    return not start or start[0] in "{[" or bool(_STREAM.match(start))


def reason_in(value: Any) -> str:
    """Return the text in an error that says why, else all of it; "" if it is no error."""
    if isinstance(value, list):
        return "; ".join(filter(None, map(reason_in, value[:3])))
    if not isinstance(value, dict):
        return value if isinstance(value, str) else ""
    for key in _REASONS:
        if value.get(key) and (reason := reason_in(value[key])):
            place = value.get("loc")  # where FastAPI found what is wrong
            return f"{reason} ({'.'.join(map(str, place))})" if isinstance(place, list) else reason
    return json.dumps(value, ensure_ascii=False) if value else ""
