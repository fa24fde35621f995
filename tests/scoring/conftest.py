"""Quicker tests of scores."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def few_objects() -> Iterator[None]:
    """Let statsmodels, which collects garbage at each adjustment of p-values, not look at all libraries' objects."""
    gc.freeze()
    yield
    gc.unfreeze()
