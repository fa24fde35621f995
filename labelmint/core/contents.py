"""Tell what a file is that only has the name of another kind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

# How files begin, as a regular expression, and what to do. These stand where any file is expected.
POINTERS = (
    (rb"version https://git-lfs", "it is a pointer of Git LFS, not the file itself; run `git lfs pull`"),
    (
        rb"(\.\./)*(\.git|/)?/?annex/objects/",
        "it is a pointer of git-annex, not the file itself; run `git annex get` for it",
    ),
)
# And these where a model was fetched.
PLACEHOLDERS = (
    (rb"\Z", "it is empty; fetch it again"),
    *POINTERS,
    (rb"\s*<", "it is a web page and not the model; fetch it again, from the file's download link"),
)


def what_is(start: bytes, kinds: Iterable[tuple[bytes, str]]) -> str:
    """Return what a file that begins so is, and what to do; "" if it is of none of these kinds."""
    return next((what for pattern, what in kinds if re.match(pattern, start, re.DOTALL)), "")


def start_of(path: Path, size: int = 1000) -> bytes:
    """Return the first bytes of a file."""
    with path.open("rb") as file:
        return file.read(size)
