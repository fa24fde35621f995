"""Quote what a server, a file or a library says."""

from __future__ import annotations


def one_line(text: object, most: int = 200) -> str:
    """Return the beginning of a text as one line without control characters."""
    line = "".join(char if char.isprintable() else " " for char in str(text)[: 10 * most])
    return " ".join(line.split())[:most]


def quoted(name: str) -> str:
    r"""Return a name in quotes, as YAML reads it: what isn't ASCII is an escape, such as "caf\xe9"."""
    if name.isascii() and name.isprintable():
        return repr(name)
    return '"' + name.encode("unicode_escape").decode().replace('"', '\\"') + '"'
