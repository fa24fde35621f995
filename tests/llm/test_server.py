import numpy as np
import pytest

from labelmint.llm import open_model
from labelmint.llm.base import Completion, PromptGroup
from labelmint.llm.endpoint import Endpoint
from tests.builders import failure, llm, llm_server, sampling
from tests.llm.scripted import COMPLETIONS, Reply, connect, read_as_list, read_as_mapping

GROUPS = [PromptGroup("one:", (11, 12, 13)), PromptGroup("two:", (21, 22))]
CHOICES = [" negative", " positive"]


def test_texts_come_back_in_the_order_of_the_seeds(served, project):
    expected = [
        [Completion(f"one:{seed}", 3, "stop") for seed in (11, 12, 13)],
        [Completion(f"two:{seed}", 3, "stop") for seed in (21, 22)],
    ]
    with open_model(llm(backend="server", model="no-matter", server=llm_server(url=served.url))) as model:
        assert model.write_wave(GROUPS, sampling()) == expected


@pytest.mark.parametrize(("top_k", "sent"), [(50, 50), (0, -1)])
def test_a_request_says_everything_about_the_sampling(served, top_k, sent):
    drawn = sampling(temperature=0.7, top_k=top_k, top_p=0.9, min_p=0.05, max_new_tokens=9)
    connect(served).write_wave([PromptGroup("a\ud83dé", (4294967294,))], drawn)
    assert served.bodies() == [
        {
            "model": "toy",
            "prompt": "a?é",  # half a surrogate pair is no text
            "seed": 4294967294,
            "max_tokens": 9,
            "temperature": 0.7,
            "top_p": 0.9,
            "top_k": sent,
            "min_p": 0.05,
            "repeat_penalty": 1.0,
            "repetition_penalty": 1.0,
            "stream": False,
            "stop": ["\n"],
        }
    ]


@pytest.mark.parametrize(("names", "wanted", "model"), [(["/a.gguf"], "", "/a.gguf"), (["a", "b"], "b", "b")])
def test_the_model_has_the_wanted_name_or_is_the_only_one(served, names, wanted, model):
    served.replies("/v1/models", Reply({"data": [{"id": name} for name in names]}))
    assert connect(served, model=wanted).identity["model"] == model


@pytest.mark.parametrize(
    ("content", "wanted", "message"),
    [
        ({"data": [{"id": "a"}, {"id": "b"}]}, "", "has a, b; llm.server.model must say which"),
        ({"data": [{"id": "a"}]}, "c", "has a; it has no 'c'"),
        ({"data": []}, "", "has no model; load one on the server"),
        ({"models": 1}, "", 'no list of models ({"models": 1}); is it an OpenAI-compatible server?'),
    ],
)
def test_a_model_that_is_not_there_is_an_error(served, content, wanted, message):
    served.replies("/v1/models", Reply(content))
    assert failure(lambda: connect(served, model=wanted)).endswith(message)


def test_texts_that_leave_the_machine_are_announced(served, capsys, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # stands not between this machine and itself
    connect(served)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(Endpoint, "is_here", False)
    monkeypatch.setenv("no_proxy", "*")
    connect(served)
    message = "llm.server.url: texts leave this machine for 127.0.0.1, unencrypted: "
    assert capsys.readouterr().err.startswith(message)


def scores(model, *arguments):
    return model.score(*arguments).log_probabilities


def tokenizer(served, pieces):
    """Give the server a tokenizer: `pieces` maps texts to their tokens' texts."""
    vocabulary = sorted({piece for tokens in pieces.values() for piece in tokens})
    served.routes["/tokenize"] = lambda seen: Reply(
        {"tokens": [vocabulary.index(piece) for piece in pieces[seen.body["content"]]]}
    )
    served.routes["/detokenize"] = lambda seen: Reply({"content": vocabulary[seen.body["tokens"][0]]})


@pytest.mark.parametrize("reply", [read_as_list, read_as_mapping])
@pytest.mark.parametrize(
    "pieces",
    [
        None,
        {" negative": [" neg", "ative"], " positive": [" positive"]},
        {" negative": [" ", "negative"], " positive": [" ", "positive"]},  # a space begins no label
    ],
)
def test_a_choice_scores_by_its_first_token(served, reply, pieces):
    if pieces:
        tokenizer(served, pieces)
    served.routes[COMPLETIONS] = lambda seen: reply(
        {" neg": 0.6, " positive": 0.3, " the": 0.05}
        if "dull" in seen.body["prompt"]
        else {" positive": 0.5, " a": 0.2, " neg": 0.1}
    )
    model = connect(served)
    result = model.score("Review:", [" dull\nSentiment:", " bright\nSentiment:"], CHOICES)
    np.testing.assert_allclose(np.exp(result.log_probabilities), [[0.6, 0.3], [0.1, 0.5]], rtol=1e-5)
    assert (result.states.shape, model.can_give_states) == ((2, 0), False)
    body = served.bodies()[0]
    assert body["prompt"].startswith("Review: ")
    assert (body["max_tokens"], body["logprobs"], body["temperature"]) == (1, 20, 0.0)


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        # One that isn't returned scores below all that are.
        ({" positive": 0.9, " the": 0.05}, [np.log(0.05) - 1, np.log(0.9)]),
        # An impossible one stays finite.
        ({" positive": 1.0, " negative": 1e-320}, [-100, 0]),
    ],
)
def test_a_choice_that_is_unlikely_scores_low(served, top, expected):
    served.replies(COMPLETIONS, read_as_list(top))
    np.testing.assert_allclose(scores(connect(served), "", ["x"], CHOICES), [expected], rtol=1e-5)


def test_a_token_that_begins_two_choices_says_nothing_about_either(served):
    served.replies(COMPLETIONS, read_as_list({" p": 0.3, " x": 0.2}), read_as_list({" poor": 0.5, " p": 0.2}))
    # After the second text " p" begins "positive" alone, as "poor" has a longer one.
    result = scores(connect(served, concurrency=1), "", ["x", "y"], [" positive", " poor"])
    floor = np.log(0.2) - 1
    np.testing.assert_allclose(result, [[floor, floor], [np.log(0.2), np.log(0.5)]], rtol=1e-5)


@pytest.mark.parametrize(
    ("choices", "pieces"),
    [
        ([" very good", " very bad"], None),
        ([" positive", " possible"], {" positive": [" pos", "itive"], " possible": [" pos", "sible"]}),
    ],
)
def test_choices_that_begin_alike_are_an_error_before_any_scoring(served, choices, pieces):
    if pieces:
        tokenizer(served, pieces)
    message = failure(connect(served).score, "", ["x"], choices)
    one, two = (choice.strip() for choice in choices)
    assert message.startswith(f"task card: labels: {one!r} and {two!r} begin alike")
    assert served.bodies() == []


def test_labels_that_the_model_never_says_are_an_error(served):
    served.replies(COMPLETIONS, read_as_list({" the": 0.5, " a": 0.4}))
    message = failure(connect(served).score, "", ["x", "y"], CHOICES)
    assert "none of the labels (negative, positive) is among the 2 likeliest tokens" in message
    assert "(after the first: ' the', ' a'); change the task card's phrases" in message


@pytest.mark.parametrize("logprobs", [None, {"content": []}, {"top_logprobs": [None]}, {"top_logprobs": []}])
def test_a_server_without_logprobs_cannot_score(served, logprobs):
    served.replies(COMPLETIONS, Reply({"choices": [{"text": "x", "logprobs": logprobs}]}))
    model = connect(served)
    assert "has no logprobs" in failure(model.score, "", ["x"], CHOICES)
    assert model.score("", [], CHOICES).log_probabilities.shape == (0, 2)


@pytest.mark.parametrize(
    ("template", "prompt"),
    [
        ("<user>{}<assistant>", "<user>Write.<assistant>Review:"),
        # A thought that the template begins is ended.
        ("<user>{}<assistant><think>\n", "<user>Write.<assistant><think>\n\n</think>\n\nReview:"),
    ],
)
def test_the_server_applies_the_chat_template(served, template, prompt):
    served.routes["/apply-template"] = lambda seen: Reply(
        {"prompt": template.format(seen.body["messages"][0]["content"])}
    )
    assert connect(served, kind="chat").chat_prompt("Write.", "Review:") == prompt
    assert "base models have no chat template" in failure(connect(served).chat_prompt, "Write.", "")


@pytest.mark.parametrize("reply", [Reply({}, 404), Reply({}, 501), Reply({}), Reply([])])
def test_a_server_without_templates_can_only_continue(served, reply):
    served.replies("/apply-template", reply)
    message = failure(connect(served, kind="chat").chat_prompt, "Write.", "")
    assert "llm.server.kind: chat needs llama-server's /apply-template" in message


@pytest.mark.parametrize(
    "marker", ["</s>", "<|im_end|>", "<end_of_turn>", "<bos>", "[INST]", "<｜User｜>", "<|begin_of_text|>"]
)
def test_control_tokens_in_texts_are_letters_to_a_server(served, marker):
    connect(served).write_wave([PromptGroup(f"a {marker} b < c > d", (1,))], sampling())
    [body] = served.bodies()
    assert body["prompt"] == f"a {marker[0]} {marker[1:]} b < c > d"
