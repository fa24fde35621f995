import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from email.utils import formatdate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.core.errors import ModelError
from labelmint.llm import open_model
from labelmint.llm.base import Completion, PromptGroup
from labelmint.llm.endpoint import FIRST_PAUSE, LONGEST_PAUSE, Endpoint, pause
from labelmint.llm.server import Server
from tests.builders import REPOSITORY, llm, llm_server, sampling
from tests.llm.scripted import Reply, read_as_list, read_as_mapping, scripted_server, written

GROUPS = [PromptGroup("one:", (11, 12, 13)), PromptGroup("two:", (21, 22))]
CHOICES = [" negative", " positive"]
COMPLETIONS = "/v1/completions"


@pytest.fixture
def served():
    with scripted_server() as server:
        server.routes[COMPLETIONS] = lambda seen: written(f" {seen.body['prompt']}{seen.body['seed']}\n")
        yield server


class Pauses(list):
    """Stands in for asyncio.sleep, and keeps what was asked of it."""

    async def __call__(self, seconds):
        self.append(seconds)


@pytest.fixture
def pauses():
    return Pauses()


def connect(served, pauses=None, **changes):
    settings = {"url": served.url, "retries": 3, "timeout_seconds": 20.0, **changes}
    return Server(llm_server(**settings), pauses if pauses is not None else Pauses())


def failure(call, *arguments):
    with pytest.raises(ModelError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_texts_come_back_in_the_order_of_the_seeds(served):
    texts = connect(served).write_wave(GROUPS, sampling())
    assert texts == [
        [Completion(f"one:{seed}", 3, "stop") for seed in (11, 12, 13)],
        [Completion(f"two:{seed}", 3, "stop") for seed in (21, 22)],
    ]


def test_a_request_says_everything_about_the_sampling(served):
    drawn = sampling(temperature=0.7, top_k=50, top_p=0.9, min_p=0.05, max_new_tokens=9)
    connect(served).write_wave([PromptGroup("one:", (4294967294,))], drawn)
    assert served.bodies() == [
        {
            "model": "toy",
            "prompt": "one:",
            "seed": 4294967294,
            "max_tokens": 9,
            "temperature": 0.7,
            "top_p": 0.9,
            "top_k": 50,
            "min_p": 0.05,
            "repeat_penalty": 1.0,
            "repetition_penalty": 1.0,
            "stop": ["\n"],
        }
    ]


def test_top_k_is_off_in_the_way_that_all_servers_know(served):
    connect(served).write_wave(GROUPS, sampling(top_k=0))
    assert {body["top_k"] for body in served.bodies()} == {-1}


def test_half_a_surrogate_pair_is_sent_as_a_question_mark(served):
    connect(served).write_wave([PromptGroup("a\ud83dé", (1,))], sampling())
    assert served.bodies()[0]["prompt"] == "a?é"


@pytest.mark.parametrize(
    ("reason", "finish"), [("stop", "stop"), ("length", "length"), ("abort", "length"), (None, "length")]
)
def test_only_stop_says_that_a_text_ended(served, reason, finish):
    served.replies(COMPLETIONS, written("text", 7, reason))
    assert connect(served).write_wave([PromptGroup("one:", (1,))], sampling()) == [
        [Completion("text", 7, finish)]
    ]


@given(st.permutations(range(12)), st.integers(1, 12))
def test_the_order_of_the_answers_does_not_matter(order, concurrency):
    delays = dict(enumerate(order))
    with scripted_server() as served:
        served.routes[COMPLETIONS] = lambda seen: written(str(seen.body["seed"]))._replace(
            delay=delays[seen.body["seed"]] / 2000
        )
        arrived = []
        model = connect(served, concurrency=concurrency)
        texts = model.write_wave([PromptGroup("p", tuple(range(12)))], sampling(), arrived.append)
        assert [text.text for text in texts[0]] == [str(seed) for seed in range(12)]
        assert sorted(int(text.text) for text in arrived) == list(range(12))
        assert served.most_at_once <= concurrency


def test_as_many_requests_run_at_once_as_were_asked_for(served):
    meeting = threading.Barrier(5)

    def script(seen):
        meeting.wait(timeout=10)  # breaks unless five are there at the same time
        return written("met")

    served.routes[COMPLETIONS] = script
    texts = connect(served, concurrency=5).write_wave([PromptGroup("p", tuple(range(10)))], sampling())
    assert [text.text for text in texts[0]] == ["met"] * 10
    assert served.most_at_once == 5


def test_texts_are_told_from_the_main_thread_as_they_arrive(served):
    threads = set()
    connect(served).write_wave(GROUPS, sampling(), lambda _: threads.add(threading.current_thread()))
    assert threads == {threading.main_thread()}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_failure_that_passes_is_tried_again_with_growing_pauses(served, pauses, status):
    served.replies(COMPLETIONS, Reply({}, status), Reply({}, status), Reply({}, status), written("at last"))
    assert connect(served, pauses).write_wave([PromptGroup("p", (1,))], sampling())[0][0].text == "at last"
    assert len(pauses) == 3
    for number, seconds in enumerate(pauses):
        assert FIRST_PAUSE * 2**number / 2 <= seconds <= FIRST_PAUSE * 2**number


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_pauses_have_bounds(number, jitter):
    assert FIRST_PAUSE / 2 <= pause(number, jitter) <= LONGEST_PAUSE


@pytest.mark.parametrize(("said", "low", "high"), [("7", 7, 7), ("0", 0, 0), ("86400", 300, 300)])
def test_retry_after_is_respected(served, pauses, said, low, high):
    served.replies(COMPLETIONS, Reply({}, 429, {"Retry-After": said}), written("at last"))
    connect(served, pauses).write_wave([PromptGroup("p", (1,))], sampling())
    assert low <= pauses[0] <= high


def test_retry_after_may_be_a_date(served, pauses):
    date = formatdate(time.time() + 60, usegmt=True)
    served.replies(COMPLETIONS, Reply({}, 503, {"Retry-After": date}), written("at last"))
    connect(served, pauses).write_wave([PromptGroup("p", (1,))], sampling())
    assert 50 < pauses[0] <= 60


def test_a_retry_after_that_says_nothing_is_passed_over(served, pauses):
    served.replies(COMPLETIONS, Reply({}, 503, {"Retry-After": "soon"}), written("at last"))
    connect(served, pauses).write_wave([PromptGroup("p", (1,))], sampling())
    assert pauses[0] <= FIRST_PAUSE


def test_after_the_last_try_the_reason_is_said(served, pauses):
    served.replies(COMPLETIONS, Reply({"error": {"message": "out of\nmemory"}}, 500))
    message = failure(connect(served, pauses).write_wave, GROUPS, sampling())
    assert message.startswith(
        f"{served.url}/completions: no answer after 4 tries (status 500: out of memory); is"
    )


def test_a_server_that_hangs_is_given_up(served, pauses):
    served.replies(COMPLETIONS, written("late")._replace(delay=5))
    model = connect(served, pauses, retries=1, timeout_seconds=0.1)
    begin = time.perf_counter()
    message = failure(model.write_wave, [PromptGroup("p", (1,))], sampling())
    assert "no answer after 2 tries (nothing within timeout_seconds=0.1)" in message
    assert time.perf_counter() - begin < 4


def test_a_server_that_drips_is_given_up_too(served, pauses):
    """A limit on each read would never end it."""
    served.replies(COMPLETIONS, Reply({}, headers={"Content-Length": "99"}))
    model = connect(served, pauses, retries=0, timeout_seconds=0.1)
    assert "no answer now" in failure(model.write_wave, [PromptGroup("p", (1,))], sampling())


@pytest.mark.parametrize(
    "content", [b"<html>", b"", b"[]", b"null", b'{"choices": []}', b'{"choices": [{}]}']
)
def test_garbage_is_an_error_at_once(served, pauses, content):
    served.replies(COMPLETIONS, Reply(content))
    message = failure(connect(served, pauses).write_wave, GROUPS, sampling())
    assert message.endswith(("is it an OpenAI-compatible server?", "is it a completions endpoint?"))
    assert pauses == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "status 400: the prompt is too long"),
        (401, "status 401: the prompt is too long; set LABELMINT_API_KEY to the server's key"),
        (404, "does llm.server.url end as the server's documentation says, mostly in /v1?"),
    ],
)
def test_a_refusal_is_an_error_at_once(served, pauses, status, said):
    served.replies(COMPLETIONS, Reply({"error": {"message": "the prompt is too long"}}, status))
    assert said in failure(connect(served, pauses).write_wave, GROUPS, sampling())
    assert pauses == []


def test_a_redirect_is_not_followed(served):
    served.replies("/v1/models", Reply({}, 307, {"Location": "http://elsewhere.invalid/v1/models"}))
    assert "it points to into llm.server.url: http://elsewhere.invalid" in failure(connect, served)


def test_one_failure_drops_the_other_requests(served):
    def script(seen):
        return Reply({}, 400) if seen.body["seed"] == 0 else written("late")._replace(delay=0.2)

    served.routes[COMPLETIONS] = script
    failure(connect(served, concurrency=2).write_wave, [PromptGroup("p", tuple(range(100)))], sampling())
    assert len(served.bodies()) < 5


def test_an_unreachable_server_is_an_error_at_once(pauses):
    with scripted_server() as gone:
        pass
    message = failure(connect, gone, pauses)
    assert message.startswith(f"{gone.url}/models: no answer now (")
    assert "is the server running" in message
    assert pauses == []


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [(["a"], "", "a"), (["a", "b"], "b", "b"), (["/models/x.gguf"], "", "/models/x.gguf")],
)
def test_the_model_is_found_by_its_name_or_is_the_only_one(served, names, wanted, found):
    served.replies("/v1/models", Reply({"data": [{"id": name} for name in names]}))
    assert connect(served, model=wanted).identity["model"] == found


@pytest.mark.parametrize(
    ("content", "wanted", "said"),
    [
        ({"data": [{"id": "a"}, {"id": "b"}]}, "", "has a, b; llm.server.model must say which"),
        ({"data": [{"id": "a"}]}, "c", "has a; it has no 'c'"),
        ({"data": []}, "", "has no model; llm.server.model must say which"),
        ({"models": []}, "", "no list of models; is it an OpenAI-compatible server?"),
        ([], "", "no list of models; is it an OpenAI-compatible server?"),
    ],
)
def test_a_model_that_is_not_there_is_an_error(served, content, wanted, said):
    served.replies("/v1/models", Reply(content))
    assert failure(lambda: connect(served, model=wanted)).endswith(said)


def test_the_identity_tells_models_apart_and_has_no_secret(served, monkeypatch):
    monkeypatch.setenv("LABELMINT_API_KEY", "sesame")
    model = connect(served)
    assert model.identity == {
        "backend": "server",
        "version": 1,
        "url": served.url,
        "model": "toy",
        "kind": "base",
    }
    assert model.identity == connect(served, concurrency=1, retries=0, timeout_seconds=1.0).identity
    assert model.can_score


def test_the_key_comes_from_the_environment(served, monkeypatch):
    monkeypatch.delenv("LABELMINT_API_KEY", raising=False)
    connect(served)
    monkeypatch.setenv("LABELMINT_API_KEY", " sesame\n")
    connect(served)
    assert [seen.headers.get("Authorization") for seen in served.seen] == [None, "Bearer sesame"]


def test_a_key_that_no_header_may_have_is_an_error(served, monkeypatch):
    monkeypatch.setenv("LABELMINT_API_KEY", "ses\name")
    message = failure(connect, served)
    assert message.startswith("LABELMINT_API_KEY: ")
    assert "ame" not in message.split(":", 1)[1].replace("name", "")


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://127.9.9.9/v1", True),
        ("http://[::1]:8080/v1", True),
        ("http://localhost:8080/v1", True),
        ("http://llm.localhost/v1", True),
        ("http://0.0.0.0:8080/v1", False),
        ("http://10.0.0.5:8080/v1", False),
        ("https://llm.example.com/v1", False),
        ("http://localhost.example.com/v1", False),
        ("http://127.0.0.1.example.com/v1", False),
    ],
)
def test_what_is_this_machine(url, here):
    assert Endpoint(llm_server(url=url)).is_here is here


def test_texts_that_leave_the_machine_are_announced(served, capsys, monkeypatch):
    connect(served)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(Endpoint, "is_here", False)
    monkeypatch.setenv("no_proxy", "*")
    connect(served)
    said = capsys.readouterr().err
    assert said.startswith("llm.server.url: texts leave this machine for 127.0.0.1, unencrypted: ")
    assert said.count("\n") == 1


def test_no_proxy_stands_between_this_machine_and_itself(served, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert connect(served).model == "toy"


# Reading


def tokenizer(served, pieces):
    """Give the server a tokenizer: `pieces` maps texts to their tokens' texts."""
    every = sorted({piece for tokens in pieces.values() for piece in tokens})
    served.routes["/tokenize"] = lambda seen: Reply(
        {"tokens": [every.index(piece) for piece in pieces[seen.body["content"]]]}
    )
    served.routes["/detokenize"] = lambda seen: Reply({"content": every[seen.body["tokens"][0]]})


@pytest.mark.parametrize("reply", [read_as_list, read_as_mapping])
@pytest.mark.parametrize("tells", [True, False])
def test_a_choice_scores_by_its_first_token(served, reply, tells):
    if tells:
        tokenizer(served, {" negative": [" neg", "ative"], " positive": [" positive"]})
    served.routes[COMPLETIONS] = lambda seen: reply(
        {" neg": 0.6, " positive": 0.3, " the": 0.05}
        if "dull" in seen.body["prompt"]
        else {" positive": 0.5, " a": 0.2, " neg": 0.1}
    )
    found = (
        connect(served)
        .score("Review:", [" dull\nSentiment:", " bright\nSentiment:"], CHOICES)
        .log_probabilities
    )
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.exp(found), [[0.6, 0.3], [0.1, 0.5]], rtol=1e-5)
    body = served.bodies()[0]
    assert body["prompt"].startswith("Review: ")
    assert (body["max_tokens"], body["logprobs"], body["temperature"]) == (1, 20, 0.0)


def test_a_choice_that_is_not_returned_scores_below_all_that_is(served):
    served.replies(COMPLETIONS, read_as_list({" positive": 0.9, " the": 0.05}))
    found = connect(served).score("", ["x"], CHOICES).log_probabilities
    np.testing.assert_allclose(found, [[np.log(0.05) - 1, np.log(0.9)]], rtol=1e-5)


def test_impossible_tokens_stay_finite(served):
    lowest = -3.4028234663852886e38
    top = [{"token": " positive", "logprob": 0.0}, {"token": " negative", "logprob": lowest}]
    content = {"choices": [{"text": "", "logprobs": {"content": [{"top_logprobs": top}]}}]}
    served.replies(COMPLETIONS, Reply(content))
    assert connect(served).score("", ["x"], CHOICES).log_probabilities.tolist() == [[-100.0, 0.0]]


def test_scores_are_in_the_order_of_the_texts(served):
    def script(seen):
        share = int(seen.body["prompt"]) / 100
        return read_as_list({" negative": share, " positive": 1 - share})._replace(
            delay=random.random() / 100
        )

    served.routes[COMPLETIONS] = script
    texts = [str(number) for number in range(1, 60)]
    found = np.exp(connect(served).score("", texts, CHOICES).log_probabilities)
    np.testing.assert_allclose(found[:, 0], np.arange(1, 60) / 100, rtol=1e-4)


def test_no_texts_have_no_scores(served):
    assert connect(served).score("", [], CHOICES).log_probabilities.shape == (0, 2)


@pytest.mark.parametrize(
    ("choices", "pieces"),
    [
        ([" very good", " very bad"], None),
        ([" positive", " possible"], {" positive": [" pos", "itive"], " possible": [" pos", "sible"]}),
    ],
)
def test_choices_that_begin_alike_are_an_error_before_any_reading(served, choices, pieces):
    if pieces:
        tokenizer(served, pieces)
    said = failure(connect(served).score, "", ["x"], choices)
    assert said.startswith(
        f"task card: labels: {choices[0].strip()!r} and {choices[1].strip()!r} begin alike"
    )
    assert served.bodies() == []


def test_a_space_of_the_tokenizers_own_tells_nothing(served):
    tokenizer(served, {" negative": [" ", "negative"], " positive": [" ", "positive"]})
    served.replies(COMPLETIONS, read_as_list({" negative": 0.7, " positive": 0.2}))
    np.testing.assert_allclose(
        np.exp(connect(served).score("", ["x"], CHOICES).log_probabilities), [[0.7, 0.2]], rtol=1e-5
    )


def test_a_token_that_begins_two_choices_says_nothing_about_either(served):
    served.replies(COMPLETIONS, read_as_list({" ": 0.5, " p": 0.3, " positive": 0.1}))
    found = connect(served).score("", ["x"], [" positive", " poor"]).log_probabilities
    # " p" begins "poor" alone, as "positive" has a longer one.
    np.testing.assert_allclose(np.exp(found), [[0.1, 0.3]], rtol=1e-5)
    served.replies(
        COMPLETIONS, read_as_list({" p": 0.3, " x": 0.2}), read_as_list({" poor": 0.5, " positive": 0.2})
    )
    found = connect(served, concurrency=1).score("", ["x", "y"], [" positive", " poor"]).log_probabilities
    assert found[0, 0] == found[0, 1] == pytest.approx(np.log(0.2) - 1)


def test_labels_that_the_model_never_says_are_an_error(served):
    served.replies(COMPLETIONS, read_as_list({" the": 0.5, " a": 0.4}))
    said = failure(connect(served).score, "", ["x", "y"], CHOICES)
    assert (
        "none of the labels (negative, positive) is among the 20 likeliest tokens after any of 2 texts"
        in said
    )


@pytest.mark.parametrize(
    "logprobs", [None, {}, {"content": []}, {"top_logprobs": [None]}, {"top_logprobs": []}]
)
def test_a_server_without_logprobs_cannot_read(served, logprobs):
    served.replies(COMPLETIONS, Reply({"choices": [{"text": "x", "logprobs": logprobs}]}))
    assert "has no logprobs" in failure(connect(served).score, "", ["x"], CHOICES)


# Chat


def test_the_server_applies_the_chat_template(served):
    served.routes["/apply-template"] = lambda seen: Reply(
        {"prompt": f"<user>{seen.body['messages'][0]['content']}</user><assistant>"}
    )
    assert connect(served, kind="chat").chat_prompt("Write.", "Review:") == (
        "<user>Write.</user><assistant>Review:"
    )


@pytest.mark.parametrize("reply", [Reply({}, 404), Reply({}, 405), Reply({}, 501), Reply({}), Reply([])])
def test_a_server_without_templates_can_only_continue(served, reply):
    served.replies("/apply-template", reply)
    said = failure(connect(served, kind="chat").chat_prompt, "Write.", "")
    assert "llm.server.kind: chat needs llama-server's /apply-template" in said


def test_a_base_model_has_no_chat_template(served):
    assert "base models have no chat template" in failure(connect(served).chat_prompt, "Write.", "")


# The whole of it


def test_open_model_gives_the_server(served, project):
    with open_model(llm(backend="server", model="no-matter", server=llm_server(url=served.url))) as model:
        assert model.write_wave(GROUPS, sampling())[1][1].text == "two:22"


def test_ctrl_c_stops_at_once(served):
    served.replies(COMPLETIONS, written("late")._replace(delay=30))
    code = (
        # What a shell starts in the background ignores Ctrl-C, the test's processes too.
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from labelmint.core.errors import one_line_errors\n"
        "from labelmint.llm.base import PromptGroup, Sampling\n"
        "from labelmint.llm.server import Server\n"
        "from labelmint.core.params import LlmServer\n"
        f"server = LlmServer.model_validate({llm_server(url=served.url).model_dump()!r})\n"
        "with one_line_errors('generate'):\n"
        "    Server(server).write_wave([PromptGroup('p', tuple(range(9)))], Sampling(1, 0, 1, 0, 9, ''))\n"
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, env=os.environ
        )
        before = len(served.bodies())
        while len(served.bodies()) < before + 8:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        begin = time.perf_counter()
        process.send_signal(number)
        _, said = process.communicate(timeout=25)
        assert (process.returncode, said) == (
            130,
            "\ngenerate: stopped; what was finished is kept, run it again to go on\n",
        )
        assert time.perf_counter() - begin < 20  # the answer takes 30


def test_answers_survive_json(served):
    text = 'a "quoted" line\\ with é and 😀'
    served.replies(COMPLETIONS, Reply(json.dumps(written(text).content, ensure_ascii=False).encode()))
    assert connect(served).write_wave([PromptGroup("p", (1,))], sampling())[0][0].text == text
