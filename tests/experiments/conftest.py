"""Heads that are quick to fit, and constants to change."""

import pytest

from labelmint.encoder import linear


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
