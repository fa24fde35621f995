"""Tell what a file is that llama.cpp doesn't load, and refuse what it loads but can't write with."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import llama_cpp

from labelmint.core.contents import PLACEHOLDERS, start_of, what_is
from labelmint.core.errors import ModelError
from labelmint.core.quoting import one_line

# What files are that only have the name of a GGUF file, by their first bytes.
_OTHERS = (
    *PLACEHOLDERS,
    (rb".{8}\{", "it is a safetensors file; convert it with llama.cpp's convert_hf_to_gguf.py"),
    (rb"PK\x03\x04|\x80[\x02-\x05]", "it is a PyTorch or zip file; give a GGUF file of the model"),
    (rb"\x1f\x8b|\x28\xb5\x2f\xfd|BZh|\xfd7zXZ|7z\xbc\xaf", "it is compressed; unpack it first"),
    (rb"tjgg|fmgg|lmgg|algg", "it is of llama.cpp's format before GGUF; give a GGUF file of the model"),
    (rb"(?!GGUF)", "it is no GGUF file; give a GGUF file of the model"),
)
# GGUF files that go with a model: the values of general.type and general.architecture.
_PARTS = {
    b"adapter": "a LoRA adapter",
    b"mmproj": "a projector for images or sound (mmproj)",
    b"clip": "a projector for images or sound (mmproj)",
    b"imatrix": "an importance matrix",
    b"controlvector": "a control vector",
}
_KIND = re.compile(rb"general\.(?:type|architecture)\x08\0{3}.\0{7}([a-z0-9]+)", re.DOTALL)


def why_not_loaded(path: Path, log: Sequence[str]) -> str:
    """Return why llama.cpp, which logged these errors, doesn't load a file, and what to do."""
    start = start_of(path, 1 << 16)
    if what := what_is(start, _OTHERS):
        return what
    part = next((_PARTS[kind] for kind in _KIND.findall(start) if kind in _PARTS), None)
    if part:
        return f"it is {part}, which goes with a model; give the model's own GGUF file"
    reason = one_line(re.sub(r"^\w+: (error loading model: )?", "", log[0])) if log else "no reason given"
    return f"llama.cpp can't load it ({reason}); is it a whole GGUF file of a known kind?"


def check_can_write(path: Path, model: object, metadata: Callable[[str], str | None]) -> None:
    """Raise `ModelError` unless a loaded model writes token after token from one shared prompt.

    llama.cpp runs embedding models all the same, with nonsense as the result, and aborts the process where a
    model has no vocabulary.
    """
    architecture = metadata("general.architecture")
    pooling = metadata(f"{architecture}.pooling_type") or "0"
    if llama_cpp.llama_model_is_recurrent(model) or llama_cpp.llama_model_is_hybrid(model):
        problem = "a recurrent or hybrid model can't share a prompt"
    elif pooling not in ("0", "-1"):
        what = "a reranker" if pooling == "4" else "an embedding model"
        problem = f"{what} ({architecture}) can't write"
    elif (
        llama_cpp.llama_model_has_encoder(model)
        or llama_cpp.llama_model_is_diffusion(model)
        or metadata(f"{architecture}.attention.causal") == "false"
    ):
        problem = f"an encoder model ({architecture}) can't write; choose a decoder-only one"
    elif not llama_cpp.llama_vocab_type(llama_cpp.llama_model_get_vocab(model)):
        problem = "it has no tokenizer"
    else:
        return
    raise ModelError(f"{path}: {problem}{'' if 'choose' in problem else '; choose another'}")
