"""The engine on the real bundled models; what doesn't need them is in test_engine_on_toy.py."""

import json
import os
import subprocess
import sys

import llama_cpp
import numpy as np
import pytest

from labelmint.llm import open_model
from labelmint.llm.base import PromptGroup
from labelmint.llm.catalog import load_entry
from labelmint.llm.engine import Engine
from tests.builders import GEMMA, REPOSITORY, SMOLLM, llm, sampling

pytestmark = pytest.mark.slow

REVIEWS = "Here are some sentences from film reviews.\n\nNegative: a slow and empty film\n\nNegative:"
GROUPS = [
    PromptGroup(REVIEWS, (1, 2, 3, 4, 5, 6)),
    PromptGroup("Some capitals.\n\nFrance: Paris\n\nItaly: Rome\n\nSpain:", (7, 8, 9, 10, 11)),
]
HOW = sampling(top_k=200, top_p=0.95)


@pytest.fixture(scope="module")
def wave(gemma):
    return gemma.write_wave(GROUPS, HOW)


def test_texts_are_language(wave):
    texts = [text for group in wave for text in group]
    assert [len(group) for group in wave] == [6, 5]
    assert len({text.text for text in texts}) > 5
    assert all(1 <= text.tokens <= HOW.max_new_tokens for text in texts)
    assert all("\n" not in text.text and text.text == text.text.strip() for text in texts)


SCRIPT = """
import json, sys
from pathlib import Path
from labelmint.llm.catalog import Entry
from labelmint.llm.engine import Engine
from tests.builders import llm
from tests.llm.test_engine import GROUPS, HOW

engine = Engine(Path(sys.argv[1]), Entry(**json.loads(sys.argv[2])), llm())
texts = engine.write_wave(GROUPS, HOW)
print(json.dumps([[vars(text) for text in group] for group in texts]))
engine.close()
"""


def test_a_new_process_writes_the_same_texts(files, wave):
    path, entry = files[GEMMA]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path), entry.model_dump_json()],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [[vars(text) for text in group] for group in wave]
    assert done.stderr == ""


# Three tokens: llama.cpp's threads wait for each other in busy loops; on a busy machine one costs seconds.
def test_several_threads_give_the_same_texts_again(files):
    short = sampling(top_k=200, max_new_tokens=3)
    engine = Engine(*files[SMOLLM], llm(threads=2))
    first = engine.write_wave(GROUPS, short)
    assert engine.write_wave(GROUPS, short) == first
    engine.close()


def test_groups_do_not_leak_into_each_other(gemma):
    # Greedy and obvious continuations, more of them than slots: each group must go on with its own.
    numbers = PromptGroup("1 2 3 4 5 6 7 8 9 10 11 12", tuple(range(7)))
    letters = PromptGroup("a b c d e f g h i j k l", tuple(range(6)))
    greedy = sampling(top_k=1, max_new_tokens=8)
    told = []
    capitals = PromptGroup("France: Paris\n\nItaly: Rome\n\nGermany: Berlin\n\nSpain:", (1, 2))
    result = gemma.write_wave([numbers, letters, capitals], greedy, told.append)
    assert {text.text for text in result[0]} == {"13 14 1"}
    assert {text.text for text in result[1]} == {"m n o p q r s t"}
    assert {text.text for text in result[2]} == {"Madrid"}
    assert sorted(text.text for text in told) == sorted(text.text for group in result for text in group)


PREFIX = (
    "Text: a wonderful, moving film\nSentiment: positive\n\n"
    "Text: dull, loud and far too long\nSentiment: negative\n\nText:"
)
TEXTS = [
    f" {text}\nSentiment:"
    for text in (
        "one of the best films of the year",
        "i walked out after ten minutes",
        "a waste of two fine actors",
        "charming from beginning to end, and very funny 😀",
        "so-so",
        "the plot makes no sense at all and nobody seems to care",
    )
]


def whole_prompts(path, choices):
    """Return log-probabilities by llama-cpp-python's own class, one whole prompt and token at a time."""
    model = llama_cpp.Llama(
        str(path), n_ctx=256, n_batch=256, n_threads=1, n_threads_batch=1, flash_attn=True, verbose=False
    )

    def after(tokens):
        model.reset()
        model.eval(tokens)
        logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(model.ctx, -1), (model.n_vocab(),))
        logits = logits.astype(np.float64)
        return logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())

    out = np.zeros((len(TEXTS), len(choices)))
    start = model.tokenize(PREFIX.encode(), add_bos=True)
    for row, text in enumerate(TEXTS):
        prompt = start + model.tokenize(text.encode(), add_bos=False)
        for column, choice in enumerate(choices):
            tokens = model.tokenize(choice.encode(), add_bos=False)
            out[row, column] = sum(after(prompt + tokens[:at])[token] for at, token in enumerate(tokens))
    model.close()
    return out


def relative(scores):
    scores = np.asarray(scores, np.float64)
    return scores - scores.max(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        (SMOLLM, [" positive", " negative"]),
        # These begin alike, and differ in their last token only: nothing is cut off.
        (GEMMA, [" very good", " very bad", " neutral"]),
    ],
)
def test_scores_are_those_of_every_prompt_read_whole(request, files, name, choices):
    engine = request.getfixturevalue("gemma" if name == GEMMA else "smollm")
    scores = relative(engine.score(PREFIX, TEXTS, choices).log_probabilities)
    expected = relative(whole_prompts(files[name][0], choices))
    assert scores.shape == (len(TEXTS), len(choices))
    # The arithmetic depends on what shares a batch. On these texts llama-cpp-python differs from itself by
    # up to 0.31 (0.11 on average) between batches of 1 and 256 tokens and flash attention on and off, and
    # from the engine by up to 0.39 (0.12). That the logic is exact is shown on the toy: test_reading.py.
    np.testing.assert_allclose(scores, expected, atol=0.5)
    assert np.abs(scores - expected).mean() < 0.15
    margin = np.sort(expected)[:, -1] - np.sort(expected)[:, -2]
    clear = margin > 0.5
    assert clear.any()
    assert (scores.argmax(axis=1) == expected.argmax(axis=1))[clear].all()


def test_a_chat_prompt_has_the_templates_markers_and_is_understood(smollm):
    prompt = smollm.chat_prompt("What is the capital of France?", "The capital of France is")
    assert "<|im_start|>user\nWhat is the capital of France?<|im_end|>" in prompt
    assert prompt.endswith("<|im_start|>assistant\nThe capital of France is")
    tokens = smollm.llama.tokenize(prompt, start=True, special=True)
    assert len(tokens) < len(smollm.llama.tokenize(prompt, start=True))  # markers are one token each
    ((answer,),) = smollm.write_wave([PromptGroup(prompt, (1,))], sampling(top_k=1, stop="."))
    assert answer.text == "Paris"


def test_open_model_gives_the_models_of_the_catalogue(project):
    with open_model(llm(model=SMOLLM, context_tokens=256)) as model:
        assert model.kind == "chat"
        assert model.identity["model"] == load_entry(SMOLLM, ("chat",), "llm.model").sha256
