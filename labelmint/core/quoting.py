"""Quote texts of others: nothing in them may colour, clear or reorder a terminal, or fill it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# Control characters but line breaks and tabs, separators that only some programs know, changes of direction,
# halves of characters.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Return a text with its control characters written as escapes: "\x1b[31m" has a backslash then."""
    return _ODD.sub(lambda match: ascii(match[0])[1:-1], text)


def one_line(text: object, most: int = 200) -> str:
    """Return the beginning of a text as one line without control characters."""
    line = "".join(char if char.isprintable() else " " for char in str(text)[: 10 * most])
    return " ".join(line.split())[:most]


def quoted(name: str) -> str:
    r"""Return a name in quotes, as YAML reads it: what isn't ASCII is an escape, such as "caf\xe9"."""
    if name.isascii() and name.isprintable():
        return repr(name)
    return '"' + name.encode("unicode_escape").decode().replace('"', '\\"') + '"'


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the rows as lines with their cells below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
