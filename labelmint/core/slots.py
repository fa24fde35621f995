"""Sentences with {slots}, which are filled with values."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Not str.format's language: "{a.b}" and "{0}" mean nothing here, and a value may hold braces.
_SLOT = re.compile(r"\{(\w[\w -]*)\}")


def slots(text: str) -> list[str]:
    """Return the names of the slots, each once."""
    return list(dict.fromkeys(_SLOT.findall(text)))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values into the slots."""
    return _SLOT.sub(lambda slot: values[slot[1]], text)


def has_stray_brace(text: str) -> bool:
    """Return whether a brace belongs to no slot."""
    return bool(re.search(r"[{}]", _SLOT.sub("", text)))
