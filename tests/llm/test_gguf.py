"""GGUF files that aren't what their entry says, and odd ones that work."""

import pytest

from labelmint.core.errors import ModelError
from labelmint.llm.base import PromptGroup
from labelmint.llm.catalog import Entry
from labelmint.llm.engine import Engine
from tests.builders import llm, sampling
from tests.llm.gguf_files import BOS, EOS, tiny


@pytest.fixture
def opened(tmp_path):
    """Return opened(changes, kind): an engine on a tiny model."""
    engines = []

    def open_tiny(changes=None, kind="base"):
        path = tiny(tmp_path / "tiny.gguf", changes)
        engines.append(Engine(path, Entry(kind=kind, path=str(path)), llm(context_tokens=256, slots=2)))
        return engines[-1]

    yield open_tiny
    for engine in engines:
        engine.close()


def refusal(path):
    """Return why a file is refused, without its path."""
    with pytest.raises(ModelError) as caught:
        Engine(path, Entry(kind="base", path=str(path)), llm(context_tokens=256))
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"", "it is empty; fetch it again"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\n", "it is a pointer of Git LFS"),
        (b"\n<!DOCTYPE html><title>Sign in</title>", "it is a web page and not the model"),
        (b"\x40\0\0\0\0\0\0\0" + b'{"__metadata__":{}}', "it is a safetensors file; convert it"),
        (b"PK\x03\x04", "it is a PyTorch or zip file"),
        (b"\x1f\x8b\x08", "it is compressed; unpack it first"),
        (b"tjgg\3\0\0\0", "it is of llama.cpp's format before GGUF"),
        (b"\0" * 9999, "it is no GGUF file"),
    ],
)
def test_what_only_has_the_name_of_a_gguf_file_is_told(tmp_path, start, message):
    path = tmp_path / "model.gguf"
    path.write_bytes(start)
    assert refusal(path).startswith(message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"llama.pooling_type": 3}, "an embedding model (llama) can't write; choose another"),
        ({"llama.pooling_type": 4}, "a reranker (llama) can't write; choose another"),
        (
            {"llama.attention.causal": False},
            "an encoder model (llama) can't write; choose a decoder-only one",
        ),
        ({"tokenizer.ggml.model": "none"}, "it has no tokenizer; choose another"),
        ({"general.architecture": "quux"}, "llama.cpp can't load it (unknown model architecture: 'quux'); "),
        ({"llama.context_length": None}, "llama.cpp can't load it (error loading model hyperparameters: "),
    ],
)
def test_a_model_that_cannot_write_is_refused(tmp_path, changes, message):
    assert refusal(tiny(tmp_path / "model.gguf", changes)).startswith(message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {},
            "llama.cpp can't load it (check_tensor_dims: tensor 'token_embd.weight' not found)",
        ),  # vocabulary
        ({"general.type": "adapter"}, "it is a LoRA adapter, which goes with a model"),
        ({"general.type": "mmproj"}, "it is a projector for images or sound (mmproj)"),
        ({"general.architecture": "clip"}, "it is a projector for images or sound (mmproj)"),
        ({"general.type": "imatrix"}, "it is an importance matrix"),
    ],
)
def test_a_part_that_goes_with_a_model_is_told(tmp_path, changes, message):
    assert refusal(tiny(tmp_path / "part.gguf", changes, tensors=False)).startswith(message)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda raw: raw[:-999], "is not within the file bounds, model is corrupted or incomplete)"),
        (lambda raw: raw[:4] + b"\x09" + raw[5:], "(this GGUF file is version 9 but this software only"),
        (
            lambda raw: raw[:4] + b"\0\0\0\3" + raw[8:],
            "is there a mismatch between the host and model endian",
        ),
        (lambda raw: raw[:200], "llama.cpp can't load it ("),
    ],
)
def test_of_a_damaged_file_llama_cpps_reason_is_told(tmp_path, damage, message):
    path = tiny(tmp_path / "model.gguf")
    path.write_bytes(damage(path.read_bytes()))
    assert message in refusal(path)


@pytest.mark.parametrize("adds", [True, False])
@pytest.mark.parametrize(
    "template",
    ["{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", "<bos>{{ messages[0].content }}<eos>"],
)
def test_a_chat_prompt_begins_with_one_bos(opened, adds, template):
    engine = opened({"tokenizer.ggml.add_bos_token": adds, "tokenizer.chat_template": template}, "chat")
    tokens = engine.llama.tokenize(engine.chat_prompt("hi", ""), start=True, special=True)
    assert tokens == [BOS, *b"hi", EOS]


def test_an_end_that_the_tokenizer_adds_is_taken_off_a_prompt(opened):
    engine = opened({"tokenizer.ggml.add_bos_token": True, "tokenizer.ggml.add_eos_token": True})
    assert engine.llama.tokenize("hi", start=True) == [BOS, *b"hi"]
    assert engine.llama.tokenize("hi", start=False) == [*b"hi"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tokenizer.ggml.eos_token_id": None, "tokenizer.ggml.bos_token_id": None},
        {"llama.attention.sliding_window": 8},
    ],
)
def test_models_without_ends_and_with_windows_write_and_score(opened, changes):
    engine = opened(changes)
    groups = [PromptGroup("one two three four", (1, 2, 3))]
    wave = engine.write_wave(groups, sampling(max_new_tokens=5))
    assert [text.tokens <= 5 for text in wave[0]] == [True] * 3
    assert engine.write_wave(groups, sampling(max_new_tokens=5)) == wave
    assert engine.score("one", [" two"], [" three", " four"]).log_probabilities.shape == (1, 2)


def test_more_tokens_than_the_model_was_trained_for_are_an_error(opened):
    engine = opened({"llama.context_length": 40})
    engine.check_wave([PromptGroup("x" * 30, (1,))], sampling(max_new_tokens=9))
    with pytest.raises(ModelError, match=r"up to 9 are more than the 40 that llm\.model was trained"):
        engine.check_wave([PromptGroup("x" * 32, (1,))], sampling(max_new_tokens=9))
    with pytest.raises(ModelError, match=r"more than the 40 that llm\.model was trained for"):
        engine.score("x" * 30, ["y" * 30], [" a", " b"])
