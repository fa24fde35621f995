"""Finished waves of work, kept in the per-user cache so that a killed run goes on where it stopped.

One append-only file per fingerprint of everything that determines the content: a record is either whole
and right, or ignored. `dvc exp run --temp` runs in a copy of the project, and finds the same file.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs

KEEP_SECONDS = 30 * 24 * 3600


def cache_dir() -> Path:
    """Return the per-user cache: $LABELMINT_CACHE, or the platform's usual place."""
    return Path(os.environ.get("LABELMINT_CACHE") or platformdirs.user_cache_dir("labelmint"))


def fingerprint(content: Mapping[str, Any]) -> str:
    """Return a short hash of a JSON-like mapping, independent of key order."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class Journal:
    """Results by key, appended and flushed to disk one by one.

    Parameters
    ----------
    kind : str
        Name of the kind of work, first part of the file name.
    content : Mapping
        Everything that determines all results but the key; its hash is the second part.
    """

    def __init__(self, kind: str, content: Mapping[str, Any]) -> None:
        folder = cache_dir() / "journal"
        folder.mkdir(parents=True, exist_ok=True)
        _forget_old(folder)
        self.path = folder / f"{kind}-{fingerprint(content)}.jsonl"
        self._results: dict[str, Any] = {}
        self._load()

    def _load(self) -> None:
        """Read the whole records, passing over what a kill left half-written.

        Nothing is cut off: another run may be appending to the same file.
        """
        if not self.path.exists():
            return
        for line in self.path.read_bytes().split(b"\n"):
            try:
                record = json.loads(line)
                key, digest, result = record["key"], record["digest"], record["result"]
            except (ValueError, KeyError, TypeError):
                continue
            if digest == _digest(result):
                self._results[key] = result
        os.utime(self.path)

    def __len__(self) -> int:
        return len(self._results)

    def __contains__(self, key: str) -> bool:
        return key in self._results

    def __getitem__(self, key: str) -> Any:
        return self._results[key]

    def add(self, key: str, result: Any) -> None:
        """Keep a result; returns once it is on disk."""
        line = json.dumps({"key": key, "digest": _digest(result), "result": result})
        with self.path.open("ab") as file:
            # The line break in front parts the record from one that a kill cut short.
            file.write(f"\n{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        self._results[key] = result


def _digest(result: Any) -> str:
    return hashlib.sha256(json.dumps(result).encode()).hexdigest()[:16]


def _forget_old(folder: Path) -> None:
    for path in folder.glob("*.jsonl"):
        try:
            if time.time() - path.stat().st_mtime > KEEP_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue  # another run was faster
