"""Local language models: batched writing and reading on llama.cpp, the model catalogue, the journal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stages.llm.base import LanguageModel
from stages.llm.catalog import load_entry, model_file
from stages.params import Llm


@contextmanager
def open_model(llm: Llm) -> Iterator[LanguageModel]:
    """Open the catalogue's model `llm.model`, checked; raise `ModelError` before any work if it is wrong."""
    entry = load_entry(llm.model, ("base", "chat"), "llm.model")
    path = model_file(llm.model, entry)
    from stages.llm.engine import Engine  # llama.cpp takes a second to load: only when it is needed

    engine = Engine(path, entry, llm)
    try:
        yield engine
    finally:
        engine.close()
