import threading
import time

import pytest

from labelmint.llm.base import PromptGroup
from labelmint.llm.endpoint import Endpoint
from tests.builders import failure, llm_server, sampling
from tests.llm.scripted import COMPLETIONS, Reply, connect, scripted_server, written

GROUPS = [PromptGroup("one:", (11, 12, 13)), PromptGroup("two:", (21, 22))]
ONE = [PromptGroup("p", (1,))]


@pytest.mark.parametrize("concurrency", [1, 5, 12])
def test_the_order_of_the_answers_does_not_matter(served, concurrency):
    arrived = []
    served.routes[COMPLETIONS] = lambda seen: written(str(seen.body["seed"]))._replace(
        delay=seen.body["seed"] * 5 % 12 / 500
    )
    model = connect(served, concurrency=concurrency)
    texts = model.write_wave([PromptGroup("p", tuple(range(12)))], sampling(), arrived.append)
    assert [text.text for text in texts[0]] == [str(seed) for seed in range(12)]
    assert sorted(int(text.text) for text in arrived) == list(range(12))
    assert served.most_at_once <= concurrency


def test_as_many_requests_run_at_once_as_were_asked_for(served):
    meeting, threads = threading.Barrier(5), set()

    def script(seen):
        meeting.wait(timeout=10)  # breaks unless five are there at the same time
        return written("met")

    served.routes[COMPLETIONS] = script
    connect(served, concurrency=5).write_wave(
        [PromptGroup("p", tuple(range(10)))], sampling(), lambda _: threads.add(threading.current_thread())
    )
    assert served.most_at_once == 5
    assert threads == {threading.main_thread()}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_failure_that_passes_is_tried_again_with_growing_pauses(served, pauses, status):
    served.replies(COMPLETIONS, *[Reply({}, status)] * 3, written("at last"))
    assert connect(served).write_wave(ONE, sampling())[0][0].text == "at last"
    assert len(pauses) == 3
    for number, seconds in enumerate(pauses):
        assert 0.5 * 2**number <= seconds <= 0.5 * 2**number + 0.5


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("1.5", 1.5, 1.5),
        ("0", 0, 0),
        ("86400", 300, 300),
        ("soon", 0.5, 1),
        ("nan", 0.5, 1),
        ("", 0.5, 1),
        ("Thu, 01 Jan 2099 00:00:00 GMT", 300, 300),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.5, 1),
    ],
)
def test_retry_after_is_respected_within_bounds(served, pauses, header, low, high):
    served.replies(COMPLETIONS, Reply({}, 429, {"Retry-After": header}), written("at last"))
    connect(served).write_wave(ONE, sampling())
    assert low <= pauses[0] <= high


def test_after_the_last_try_the_error_gives_the_reason(served, pauses):
    served.replies(COMPLETIONS, Reply({"error": {"message": "out of\nmemory"}}, 500))
    message = failure(connect(served).write_wave, GROUPS, sampling())
    reason = "no answer after 4 tries (status 500: out of memory); is the server running"
    assert message.startswith(f"{served.url}/completions: {reason}")


@pytest.mark.parametrize(
    "reply",
    [
        written("too late")._replace(delay=2),
        Reply({}, headers={"Content-Length": "99"}),  # sends a part: a limit on each read would never end it
    ],
)
def test_a_server_that_hangs_is_given_up(served, pauses, reply):
    served.replies(COMPLETIONS, reply)
    model = connect(served, retries=1, timeout_seconds=0.1)
    begin = time.perf_counter()
    message = failure(model.write_wave, ONE, sampling())
    assert "no answer after 2 tries (nothing within timeout_seconds=0.1)" in message
    assert time.perf_counter() - begin < 1.8


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(b"<html>"), "is it an OpenAI-compatible server?"),
        (Reply(b"[]"), "is it a completions endpoint? llm.server.url mostly ends in /v1"),
        (Reply({"error": {"message": "the prompt is too long"}}, 400), "status 400: the prompt is too long"),
        (Reply({}, 401), "status 401; set LABELMINT_API_KEY to the server's key"),
        (Reply({}, 404), "does llm.server.url end as the server's documentation says, mostly in /v1?"),
        (
            Reply({}, 307, {"Location": "http://elsewhere.invalid"}),
            ": it points to http://elsewhere.invalid; set llm.server.url to the address of its API",
        ),
        (
            Reply({}, 308, {"Location": "https://elsewhere.invalid/api/v1/completions"}),
            "; set llm.server.url to https://elsewhere.invalid/api/v1",
        ),
    ],
)
def test_a_refusal_or_garbage_is_an_error_at_once(served, pauses, reply, message):
    served.replies(COMPLETIONS, reply)
    assert failure(connect(served).write_wave, GROUPS, sampling()).endswith(message)
    assert pauses == []


def test_one_failure_drops_the_other_requests(served):
    def script(seen):
        return Reply({}, 400) if seen.body["seed"] == 0 else written("too late")._replace(delay=0.2)

    served.routes[COMPLETIONS] = script
    failure(connect(served, concurrency=2).write_wave, [PromptGroup("p", tuple(range(100)))], sampling())
    assert len(served.bodies()) < 5


def test_an_unreachable_server_is_an_error_at_once(pauses):
    with scripted_server() as gone:
        pass
    assert failure(connect, gone).startswith(f"{gone.url}/models: no answer now (")
    assert pauses == []


def test_the_key_comes_from_the_environment_and_is_not_part_of_the_identity(served, monkeypatch):
    monkeypatch.delenv("LABELMINT_API_KEY", raising=False)
    before = connect(served).identity
    monkeypatch.setenv("LABELMINT_API_KEY", " sesame\n")
    model = connect(served, concurrency=1, retries=0, timeout_seconds=1.0)
    assert [seen.headers.get("Authorization") for seen in served.seen] == [None, "Bearer sesame"]
    assert model.identity == before
    monkeypatch.setenv("LABELMINT_API_KEY", "sesame\nopen")
    message = failure(connect, served)
    assert message.startswith("LABELMINT_API_KEY: ")
    assert "sesame" not in message


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.9.9.9/v1", True),
        ("http://[::1]:8080/v1", True),
        ("http://localhost:8080/v1", True),
        ("http://llm.localhost/v1", True),
        ("http://[::ffff:127.0.0.1]/v1", True),
        ("http://localhost./v1", True),
        ("http://10.0.0.1", False),
        ("http://0.0.0.0:8080/v1", False),
        ("https://llm.example.com/v1", False),
        ("http://localhost.example.com/v1", False),
        ("http://127.0.0.1.example.com/v1", False),
    ],
)
def test_what_is_this_machine(url, here):
    assert Endpoint(llm_server(url=url)).is_here is here
