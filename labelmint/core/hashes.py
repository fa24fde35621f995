"""Hashes of files, which are read in blocks: a model may have gigabytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

BLOCK_BYTES = 1 << 20


def sha256(*files: Path) -> str:
    """Return the SHA-256 of the files' joined content as hexadecimal text."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as source:
            while block := source.read(BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


def md5(file: Path) -> str:
    """Return the MD5 of a file, by which DVC knows it."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
