"""Tell what a file is that only has the name of a model's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

# By their first bytes.
PLACEHOLDERS = (
    (rb"\Z", "it is empty; fetch it again"),
    (rb"version https://git-lfs", "it is the pointer of Git LFS and not the model; run `git lfs pull` there"),
    (rb"\s*<", "it is a web page and not the model; fetch it again, from the file's download link"),
)


def what_is(start: bytes, kinds: Iterable[tuple[bytes, str]] = PLACEHOLDERS) -> str:
    """Return what a file that begins so is, and what to do; "" if it may be a model."""
    return next((what for pattern, what in kinds if re.match(pattern, start, re.DOTALL)), "")


def start_of(path: Path, size: int = 1000) -> bytes:
    """Return the first bytes of a file."""
    with path.open("rb") as file:
        return file.read(size)
