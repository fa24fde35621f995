import llama_cpp
import pytest

from stages.errors import ModelError
from stages.llm.engine import Engine
from tests.builders import SMOLLM, llm

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "text", ["plain words", "😀 café 日本 🜁", "two  spaces", "line\nbreak", "\u2028", "a\0b"]
)
@pytest.mark.parametrize("name", ["gemma", "smollm"])
def test_tokens_joined_are_the_text_again(request, name, text):
    llama = request.getfixturevalue(name).llama
    pieces = [llama.piece(token) for token in llama.tokenize(text, start=False)]
    assert b"".join(pieces).decode() == text


@pytest.mark.parametrize("size", [0, 100, 1_000_000, -1000])
def test_a_truncated_file_is_an_error(files, tmp_path, size):
    path, entry = files[SMOLLM]
    with path.open("rb") as file:
        raw = file.read(size if size >= 0 else path.stat().st_size + size)
    (tmp_path / "half.gguf").write_bytes(raw)
    with pytest.raises(ModelError, match=r"half\.gguf: llama\.cpp can't load it; is it a whole GGUF file"):
        Engine(tmp_path / "half.gguf", entry, llm())


@pytest.mark.parametrize("kind", ["recurrent", "hybrid"])
def test_a_model_that_cannot_share_a_prompt_is_an_error(files, monkeypatch, kind):
    monkeypatch.setattr(llama_cpp, f"llama_model_is_{kind}", lambda model: True)
    with pytest.raises(ModelError, match="a recurrent or hybrid model can't share a prompt; choose another"):
        Engine(*files[SMOLLM], llm())


def test_a_context_that_memory_cannot_hold_is_an_error(files, monkeypatch):
    monkeypatch.setattr(llama_cpp, "llama_init_from_model", lambda model, params: None)
    with pytest.raises(ModelError, match=r"no memory for llm\.context_tokens=1024; lower it"):
        Engine(*files[SMOLLM], llm())


def test_close_may_be_called_twice(files):
    engine = Engine(*files[SMOLLM], llm(context_tokens=256))
    engine.close()
    engine.close()
