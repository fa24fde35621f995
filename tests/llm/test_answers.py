"""Logprobs in many shapes, and whatever else a server may send."""

import json
import math
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelmint.core.errors import ModelError
from labelmint.llm.answers import completion, model_names, top_tokens
from labelmint.llm.replies import code_in, error_in, is_half, parse, words
from tests.builders import failure, sampling
from tests.llm.scripted import COMPLETIONS, Reply, connect, read_as_mapping

CHOICES = [" negative", " positive"]


def top(entries):
    return Reply({"choices": [{"text": "x", "finish_reason": "length", "logprobs": entries}]})


TWO = [{"token": " positive", "logprob": -0.25}, {"token": " negative", "logprob": -2}]


@pytest.mark.parametrize(
    "logprobs",
    [
        {"content": [{"token": "x", "logprob": 0, "top_logprobs": TWO}]},
        {"top_logprobs": [TWO]},
        {"top_logprobs": [None, {" positive": -0.25, " negative": -2, " a": None}]},
        {"top_logprobs": {" positive": -0.25, " negative": -2}},
        {"top_logprobs": [{"Ġpositive": -0.25, "▁negative": "-2"}]},
    ],
)
def test_logprobs_in_other_shapes(served, logprobs):
    served.replies(COMPLETIONS, top(logprobs))
    result = connect(served).score("", ["x"], CHOICES).log_probabilities
    np.testing.assert_allclose(result, [[-2, -0.25]])


def test_a_server_that_gives_fewer_logprobs_is_asked_for_fewer(served):
    served.routes[COMPLETIONS] = lambda seen: (
        Reply({"error": {"message": "logprobs must be at most 5"}}, 400)
        if seen.body["logprobs"] > 5
        else read_as_mapping({" positive": math.exp(-1), " negative": math.exp(-2)})
    )
    np.testing.assert_allclose(
        connect(served).score("", ["x"], CHOICES).log_probabilities, [[-2, -1]], rtol=1e-5
    )
    served.replies(COMPLETIONS, Reply({"error": {"message": "logprobs are not supported"}}, 400))
    message = failure(connect(served).score, "", ["x"], CHOICES)
    assert (
        "logprobs are not supported, so it can't score labels; set labelling.scorers: [classifier]" in message
    )


KEYS = ["choices", "index", "text", "message", "delta", "content", "finish_reason", "usage", "logprobs"]
KEYS += ["completion_tokens", "top_logprobs", "token", "logprob", "error", "code", "detail", "msg", "loc"]
KEYS += ["data", "id"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("stop"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=6,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(JSON, st.sampled_from([b"", b"data: ", b"\xef\xbb\xbf", b"\xff", b"<"]), st.integers(0, 60))
def test_whatever_a_server_sends_is_read_or_refused(content, before, cut):
    whole = before + json.dumps(content).encode()
    for raw in (whole, whole[:cut]):
        reason = words(raw)
        assert len(reason) <= 200
        assert not reason or reason.isprintable()
        is_half(raw)
        with suppress(ValueError):
            answer = parse(raw)
            error_in(answer)
            code_in(answer)
            for read in (model_names, top_tokens, lambda answer: completion(answer, sampling())):
                with suppress(ModelError):
                    read(answer)
