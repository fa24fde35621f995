"""The real bundled models, loaded once for all tests that ask for them."""

from __future__ import annotations

import pytest

from labelmint.llm.catalog import load_entry, model_file
from labelmint.llm.engine import Engine
from tests.builders import GEMMA, REPOSITORY, SMOLLM, llm


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
