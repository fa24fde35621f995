"""Quicker tests of scores."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def few_objects() -> Iterator[None]:
    """Keep the libraries' objects from statsmodels, which collects garbage as it adjusts p-values."""
    gc.freeze()
    yield
    gc.unfreeze()
