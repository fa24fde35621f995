"""The real bundled models, loaded once for all tests that ask for them, and a scripted server."""

import asyncio

import pytest

from labelmint.llm.catalog import load_entry
from labelmint.llm.catalog.files import model_file
from labelmint.llm.engine import Engine
from tests.builders import GEMMA, REPOSITORY, SMOLLM, failure, llm
from tests.llm.scripted import COMPLETIONS, scripted_server, written


def why_missing(entry):
    """Return the one line that tells why there is no file of a catalogue's entry."""
    return failure(model_file, "toy", entry)


@pytest.fixture(scope="session")
def files(model_cache):
    """Return the models' checked files; the joined one is made once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABELMINT_CACHE", str(model_cache))
        patch.chdir(REPOSITORY)
        entries = {name: load_entry(name, ("base", "chat"), "llm.model") for name in (GEMMA, SMOLLM)}
        return {name: (model_file(name, entry), entry) for name, entry in entries.items()}


@pytest.fixture(scope="session")
def gemma(files):
    engine = Engine(*files[GEMMA], llm())
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def smollm(files):
    engine = Engine(*files[SMOLLM], llm(model=SMOLLM))
    yield engine
    engine.close()


@pytest.fixture
def served():
    with scripted_server() as server:
        server.routes[COMPLETIONS] = lambda seen: written(f" {seen.body['prompt']}{seen.body['seed']}\n")
        yield server


@pytest.fixture
def pauses(monkeypatch):
    """Wait for nothing, and keep how long was asked for."""
    asked = []

    async def sleep(seconds):
        asked.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return asked
