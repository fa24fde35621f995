"""Servers that deviate from OpenAI's API: what can be understood is; the rest is said in their own words."""

import gzip
import json
import time
from datetime import datetime

import pytest

from labelmint.llm.base import Completion, PromptGroup
from labelmint.llm.endpoint import Endpoint, _ssl_remedy
from tests.builders import failure, sampling
from tests.llm.scripted import COMPLETIONS, Reply, connect, written

ONE = [PromptGroup("p", (1,))]
USAGE = {"completion_tokens": 3}
HTML = b"<html><head><style>p {}</style><title>502 Bad\nGateway</title></head><p>nginx &amp; co</p></html>"


def text_after(served, reply):
    """Return the one text that comes of a reply."""
    served.replies(COMPLETIONS, reply)
    return connect(served).write_wave(ONE, sampling())[0][0]


def said(served, reply):
    """Return the message about a reply, without the address that it begins with."""
    served.replies(COMPLETIONS, reply)
    message = failure(connect(served, retries=0).write_wave, ONE, sampling())
    return message.removeprefix(f"{served.url}/completions: ")


def answer(choice, **keys):
    return Reply({"choices": [{"index": 0, "finish_reason": "stop", **choice}], "usage": USAGE, **keys})


@pytest.mark.parametrize(
    ("reason", "tokens", "finish"),
    [
        ("STOP", 16, "stop"),
        ("eos_token", 16, "stop"),
        ("content_filter", 3, "length"),
        ({"type": "stop", "matched": 2}, 16, "stop"),
        (None, 15, "stop"),  # fewer tokens than were allowed
        ("", 16, "length"),
    ],
)
def test_why_a_text_ended(served, reason, tokens, finish):
    assert text_after(served, written("a text", tokens, reason)) == Completion("a text", tokens, finish)


@pytest.mark.parametrize("usage", [None, {}, {"completion_tokens": None}, {"completion_tokens": 0}, [], "3"])
def test_tokens_that_the_server_does_not_count_are_estimated(served, usage):
    reply = Reply({"choices": [{"text": " eight bytes?", "finish_reason": "stop"}], "usage": usage})
    assert text_after(served, reply) == Completion("eight bytes?", 3, "stop")


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        ({"text": 'a "quoted" line\\ with é and 😀'}, 'a "quoted" line\\ with é and 😀'),
        ({"text": "a\ud83dé"}, "a?é"),  # half a character, which no file can hold
        ({"text": "\n\n one line\nand another"}, "one line"),  # the stop text was ignored
        ({"text": "<think>Well,\nlet's see.</think>\n\nA text"}, "A text"),
        ({"text": "see.</think>A text"}, "A text"),
        ({"text": "<think>"}, ""),
        ({"text": None}, ""),
        ({"message": {"content": "A chat's"}}, "A chat's"),
        ({"message": {"content": None, "reasoning_content": "Well"}}, ""),
        (
            {"message": {"content": [{"type": "text", "text": "In "}, {"type": "text", "text": "parts"}]}},
            "In parts",
        ),
    ],
)
def test_texts_in_other_shapes(served, choice, text):
    assert text_after(served, answer(choice)).text == text


def test_of_several_choices_the_first_is_taken_wherever_it_is(served):
    choices = [{"index": n, "text": f"text {n}", "finish_reason": "stop"} for n in (2, 0, 1)]
    assert text_after(served, Reply({"choices": choices, "usage": USAGE})).text == "text 0"


def stream(*events, end=b"data: [DONE]\n\n"):
    lines = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    return Reply(b": a comment\n\n" + lines + end, headers={"Content-Type": "text/event-stream"})


def piece(text, reason=None, **keys):
    return {"choices": [{"index": 0, "text": text, "finish_reason": reason}], **keys}


@pytest.mark.parametrize(
    "reply",
    [
        stream(piece(" one\u2028"), piece(" two", "stop"), {"choices": [], "usage": USAGE}),
        stream(
            piece(" one\u2028 two", "stop"), piece(" one\u2028 two", "stop"), end=b""
        ),  # each the whole text
        stream(
            {"choices": [{"index": 1, "text": "x", "finish_reason": "stop"}]}, piece(" one\u2028 two", "stop")
        ),
        stream({"choices": [{"delta": {"content": " one\u2028 two"}, "finish_reason": "eos"}]}, end=b""),
        Reply(b"\xef\xbb\xbf" + json.dumps(piece(" one\u2028 two", "stop", usage=USAGE)).encode()),
        Reply(
            gzip.compress(json.dumps(piece(" one\u2028 two", "stop")).encode()),
            headers={"Content-Encoding": "gzip"},
        ),
    ],
)
def test_a_stream_a_byte_order_mark_and_gzip_are_read(served, reply):
    assert text_after(served, reply).text == "one\u2028 two"


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            Reply({"error": {"message": "Model is\x1b[31m loading", "code": 1}}),
            "status 200: Model is [31m loading",
        ),
        (Reply({"error": {"type": "odd"}}), 'status 200: {"type": "odd"}'),
        (stream({"error": {"message": "out of memory"}}), "status 200: out of memory"),
        (
            Reply({"detail": [{"loc": ["body", "top_k"], "msg": "below 0"}]}, 422),
            "status 422: below 0 (body.top_k)",
        ),
        (Reply(HTML, 400), "status 400: 502 Bad Gateway nginx & co"),
        (Reply(b"plainly\r\nno", 400), "status 400: plainly no"),
        (Reply({"error": "x" * 999}, 400), f"status 400: {'x' * 200}"),
        (
            Reply({"error": {"message": "The model `b` does not exist"}}, 404),
            "status 404: The model `b` does not exist; llm.server.model must be one that the server has",
        ),
        (answer({"error": {"code": 502, "message": "upstream is gone"}}), "llm.server: upstream is gone"),
        (
            Reply({"choices": [{"text": "a"}]}),
            "llm.server: an answer says neither how the text ended (finish_reason) nor how many tokens it "
            "has (usage), so a text that was cut off looks like a whole one; use llama-server or vLLM",
        ),
    ],
)
def test_what_goes_wrong_is_said_in_the_servers_words(served, reply, message):
    assert said(served, reply) == message


@pytest.mark.parametrize(
    "content",
    [{"content": "native"}, {"choices": []}, {"choices": [None]}, {"choices": [{"text": 7}]}, [], "a", 1],
)
def test_an_answer_without_a_text_is_shown(served, content):
    message = said(served, Reply(content))
    assert message.startswith("llm.server: an answer has no text")
    assert "mostly ends in /v1" in message


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b'{"choices": [{"te'),
        Reply(b""),
        Reply(b"[" * 200_000),
        stream(piece(" one"), end=b""),
        Reply(b"12", headers={"Content-Length": "99", "Connection": "close"}, delay=0.0),
        Reply({"error": {"message": "loading", "code": 503}}),
    ],
)
def test_halves_and_garbage_are_asked_for_again(served, pauses, reply):
    served.replies(COMPLETIONS, reply, written("at last"))
    assert connect(served, timeout_seconds=1.0).write_wave(ONE, sampling())[0][0].text == "at last"
    assert len(pauses) == 1


def test_a_server_that_repeats_the_key_does_not_print_it(served, monkeypatch):
    monkeypatch.setenv("LABELMINT_API_KEY", "sk-very-secret")
    message = said(served, Reply({"error": "no such key: sk-very-secret"}, 401))
    assert message == "status 401: no such key: ***; set LABELMINT_API_KEY to the server's key"
    assert "sk-very" not in said(served, Reply({"model": "Bearer sk-very-secret"}))


@pytest.mark.parametrize("path", ["", "/v1/v1", "/v1/completions", "/v1/chat/completions"])
def test_a_wrong_path_is_told_with_the_right_one(served, path):
    root = served.url.removesuffix("/v1")
    message = failure(lambda: connect(served, url=f"{root}{path}"))
    assert message.endswith(f"; the server's API is at {served.url}: set llm.server.url to that")


@pytest.mark.parametrize("content", [[{"id": "toy"}], {"models": [{"name": "toy"}]}, {"data": ["toy"]}])
def test_lists_of_models_in_other_shapes(served, content):
    served.replies("/v1/models", Reply(content))
    assert connect(served).model == "toy"


def test_a_named_model_needs_no_list(served):
    served.replies("/v1/models", Reply({"detail": "Not Found"}, 404))
    assert connect(served, model="mine").model == "mine"
    assert "status 404: Not Found" in failure(lambda: connect(served))


def test_of_many_models_the_most_similar_are_listed(served):
    served.replies(
        "/v1/models", Reply({"data": [{"id": f"other-{n}"} for n in range(99)] + [{"id": "qwen3-4b"}]})
    )
    message = failure(lambda: connect(served, model="Qwen3-4B"))
    assert "has qwen3-4b, " in message
    assert message.endswith(" and 90 more; it has no 'Qwen3-4B'")


def test_a_proxy_that_cannot_be_used_is_named(served, monkeypatch):
    monkeypatch.setattr(Endpoint, "is_here", False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("all_proxy", "gopher://me:secret@127.0.0.1:1")
    message = failure(lambda: connect(served))
    assert "the proxy of the environment" in message
    assert "secret" not in message


@pytest.mark.parametrize(
    "url", ["http://a..b/v1", f"http://{'a' * 64}.example/v1", "http://[fe80::1%25zz]:1/v1"]
)
def test_a_host_that_cannot_be_is_an_error(served, url):
    assert failure(lambda: connect(served, url=url, timeout_seconds=2.0))


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("self-signed certificate", "set SSL_CERT_FILE to the file of its certificate"),
        ("IP address mismatch", "llm.server.url must have the name that the server's certificate is for"),
        ("certificate has expired", "the server needs a new certificate"),
    ],
)
def test_what_is_wrong_with_a_certificate_decides_what_to_do(reason, remedy):
    assert remedy in _ssl_remedy(f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {reason}")


def test_plain_http_at_an_https_address_is_told(served):
    message = failure(lambda: connect(served, url=served.url.replace("http:", "https:")))
    assert message.endswith("does it speak plain http? Then write http:// into llm.server.url")


def test_an_endless_answer_is_cut(served, monkeypatch):
    monkeypatch.setattr("labelmint.llm.endpoint.LONGEST_ANSWER", 1000)
    begin = time.perf_counter()
    assert "is no text" in said(served, written("x" * 2000))
    assert time.perf_counter() - begin < 10


def test_a_servers_template_that_drops_the_request_or_names_today_is_told(served, capsys):
    served.replies("/apply-template", Reply({"prompt": "<user>"}))
    assert "drops or changes the request" in failure(connect(served, kind="chat").chat_prompt, "Write.", "")
    served.replies("/apply-template", Reply({"prompt": f"Today: {datetime.now():%d %b %Y} Write."}))
    model = connect(served, kind="chat")
    model.chat_prompt("Write.", "")
    model.chat_prompt("Write.", "")
    assert capsys.readouterr().err.count("puts today's date into each prompt") == 1
