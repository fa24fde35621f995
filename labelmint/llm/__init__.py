"""Language models: batched writing and reading on llama.cpp or a server, and the model catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from labelmint.core.params import Llm
from labelmint.llm.base import LanguageModel
from labelmint.llm.catalog import load_entry
from labelmint.llm.catalog.files import model_file


@contextmanager
def open_model(llm: Llm) -> Iterator[LanguageModel]:
    """Open the model of `llm`, checked; raise `ModelError` before any work if it is wrong.

    With `llm.backend: server` it is the server's, and the catalogue has no say.
    """
    if llm.backend == "server":
        from labelmint.llm.server import Server

        yield Server(llm.server)
        return
    entry = load_entry(llm.model, ("base", "chat"), "llm.model")
    path = model_file(llm.model, entry)
    from labelmint.llm.engine import Engine  # llama.cpp takes a second to load: only when it is needed

    engine = Engine(path, entry, llm)
    try:
        yield engine
    finally:
        engine.close()
