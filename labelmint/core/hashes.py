"""Hashes of files, which are read in blocks: a model may have gigabytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

BLOCK_BYTES = 1 << 20


def sha256(*files: Path) -> str:
    """Return the SHA-256 of the files' joined content as hexadecimal text."""
    return _hash(hashlib.sha256(), *files)


def md5(file: Path) -> str:
    """Return the MD5 of a file, by which DVC knows it."""
    return _hash(hashlib.md5(usedforsecurity=False), file)


def _hash(digest: hashlib._Hash, *files: Path) -> str:
    for file in files:
        with file.open("rb") as source:
            while block := source.read(BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()
