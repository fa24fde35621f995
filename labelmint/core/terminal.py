"""Texts on a terminal: nothing in them may colour, clear or reorder it."""

from __future__ import annotations

import re

# Control characters but line breaks and tabs, separators that only some programs know, changes of direction,
# halves of characters.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Return a text with its control characters written as escapes: "\x1b[31m" has a backslash then."""
    return _ODD.sub(lambda match: ascii(match[0])[1:-1], text)
