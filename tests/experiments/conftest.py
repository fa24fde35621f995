"""The tiny encoder of tests/encoder, for the experiments too, with heads that are quick to fit."""

import pytest

from labelmint.encoder import linear
from tests.encoder.conftest import encoder_folder, tiny_encoder

__all__ = ["encoder_folder", "tiny_encoder"]


@pytest.fixture(autouse=True)
def quick_head(monkeypatch):
    monkeypatch.setattr(linear, "_REGULARISATION", [1.0])
    monkeypatch.setattr(linear, "_FOLDS", 2)


@pytest.fixture
def constants(monkeypatch):
    """Return constants(*modules): a function that changes constants in the modules that have them."""

    def of(*modules):
        def change(**values):
            for name, value in values.items():
                for module in modules:
                    if hasattr(module, name):
                        monkeypatch.setattr(module, name, value)

        return change

    return of
