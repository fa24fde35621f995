"""The cache of finished work: a run that was stopped resumes, and a later run doesn't repeat the same work.

What the language model wrote and scored, and the encoder's vectors, lie in one SQLite file in the per-user
cache, by everything that determines them. Copies of the project (`dvc exp run --temp`) use the same file, and
two runs may use it at the same time. Entries that nothing has used for 30 days are deleted.
`labelmint cache` shows what there is; LABELMINT_FRESH=1 ignores what earlier commands left, and replaces it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import platformdirs

from labelmint.core.errors import DISK_FULL, LabelmintError

KEEP_SECONDS = 30 * 24 * 3600
_REMEDY = "let LABELMINT_CACHE name a folder that can be written to"
# Another process may be writing; a write takes milliseconds.
_WAIT_SECONDS = 60
# What this process added, and what it added since `fresh`: by name and not by time, because clocks jump.
_added: list[set[tuple[str, str, str]]] = [set()]
_TABLE = """
CREATE TABLE IF NOT EXISTS results (
    kind TEXT, fingerprint TEXT, key TEXT, result TEXT NOT NULL, written REAL NOT NULL, used REAL NOT NULL,
    PRIMARY KEY (kind, fingerprint, key)
)
"""
# `used` stands behind the results: without an index, looking for old ones reads them all.
_INDEX = "CREATE INDEX IF NOT EXISTS by_use ON results (used, kind, fingerprint)"
_DAY_SECONDS = 24 * 3600


def cache_dir() -> Path:
    """Return the per-user cache: $LABELMINT_CACHE, or the platform's usual place.

    Raise `LabelmintError` if it is not an absolute path, or there is no home folder.
    """
    try:
        name = os.environ.get("LABELMINT_CACHE") or platformdirs.user_cache_dir("labelmint")
        folder = Path(name).expanduser()
    except RuntimeError as error:  # no home folder
        raise LabelmintError(f"the cache: {error}; {_REMEDY}") from None
    if not folder.is_absolute():  # DVC runs some experiments in copies, which would each have a cache
        raise LabelmintError(f"LABELMINT_CACHE={name}: must be an absolute path, such as {folder.absolute()}")
    return folder


@contextmanager
def cache_errors() -> Iterator[None]:
    """Name the remedy where the cache's folder can't be written to, as in a container without a home."""
    try:
        yield
    except OSError as error:
        space = "free some space, or " if error.errno in DISK_FULL else ""
        raise LabelmintError(f"the cache: {error}; {space}{_REMEDY}") from None


def cache_file() -> Path:
    """Return the file of finished work."""
    return cache_dir() / "finished_work.sqlite"


def fingerprint(content: Mapping[str, Any]) -> str:
    """Return a short hash of a JSON-like mapping, independent of key order."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class Cache:
    """Results of a kind of work by key, each on disk when `add` returns.

    `content` is everything that determines all results but the key.
    """

    def __init__(self, kind: str, content: Mapping[str, Any]) -> None:
        self.place = (kind, fingerprint(content))
        now = time.time()
        with _connection() as database:
            database.execute("DELETE FROM results WHERE used < ?", (now - KEEP_SECONDS,))
            # Once a day: it writes the results anew.
            database.execute(
                "UPDATE results INDEXED BY by_use SET used = ? "
                "WHERE used < ? AND kind = ? AND fingerprint = ?",
                (now, now - _DAY_SECONDS, *self.place),
            )

    def add(self, key: str, result: Any) -> None:
        """Keep a result of JSON types, not null; an earlier one of the same key is replaced."""
        now, place = time.time(), (*self.place, key)
        with _connection() as database:
            row = (*place, json.dumps(result), now, now)
            database.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?)", row)
        for added in _added:
            added.add(place)

    def get(self, key: str) -> Any:
        """Return a result; None if there is none, or a damaged one, which `add` will replace."""
        place = (*self.place, key)
        only_added = len(_added) > 1 or os.environ.get("LABELMINT_FRESH")
        if only_added and place not in _added[-1]:
            return None
        query = "SELECT CAST(result AS BLOB) FROM results WHERE kind = ? AND fingerprint = ? AND key = ?"
        with _connection() as database:
            row = database.execute(query, place).fetchone()
        try:
            return None if row is None else json.loads(row[0])
        except ValueError:
            return None


@contextmanager
def fresh() -> Iterator[None]:
    """Ignore what was kept before, so that work can be timed."""
    _added.append(set())
    try:
        yield
    finally:
        _added.pop()


def summary() -> list[str]:
    """Return a line per kind of work: entries, size, days since the last use."""
    query = "SELECT kind, COUNT(*), SUM(LENGTH(result)), MAX(used) FROM results GROUP BY kind ORDER BY kind"
    with _connection() as database:
        rows = database.execute(query).fetchall()
    lines = [
        f"  {kind:<10}{entries:>8} entries {size / 1e6:>9.1f} MB, last used {days:.0f} days ago"
        for kind, entries, size, used in rows
        for days in [max(0.0, time.time() - used) / 86400]
    ]
    return [f"{cache_file()}: {'empty' if not lines else ''}".rstrip(), *lines]


def show_or_clear(action: str | None, kind: str | None = None) -> None:
    """Print what the cache holds, or with the action `clear` delete entries.

    Raise `LabelmintError` if it holds none of the kind.
    """
    if action != "clear":
        print("\n".join(summary()))
        return
    deleted = clear(kind)
    if kind is not None and not deleted:
        with _connection() as database:
            kinds = [name for (name,) in database.execute("SELECT DISTINCT kind FROM results ORDER BY kind")]
        held = f"its kinds are {', '.join(kinds)}" if kinds else "it is empty"
        raise LabelmintError(f"{cache_file()}: nothing of the kind {kind!r}; {held}")
    print(f"deleted {deleted} entries")


def clear(kind: str | None = None) -> int:
    """Delete the entries of one kind, or all; return their number."""
    with _connection() as database:
        where, values = ("WHERE kind = ?", (kind,)) if kind is not None else ("", ())
        deleted = database.execute(f"DELETE FROM results {where}", values).rowcount
    with _connection() as database:
        database.execute("VACUUM")
    return deleted


@contextmanager
def _connection() -> Iterator[sqlite3.Connection]:
    """Open the file, make the table where it is missing, commit at the end; set a damaged file aside."""
    path = cache_file()
    with cache_errors():
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(_open(path)) as database, database:
            yield database
    except sqlite3.OperationalError as error:
        cause = "wait for the other command" if "locked" in str(error) else "free some space"
        raise LabelmintError(f"{path}: {error}; {cause}, or {_REMEDY}") from None
    except sqlite3.DatabaseError as error:
        raise LabelmintError(f"{path}: {error}; it is now {_set_aside(path)}: run it again") from None


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _with_table(path)
    except sqlite3.OperationalError:  # locked, read-only, disk full: the file itself may be right
        raise
    except sqlite3.DatabaseError as error:
        aside = _set_aside(path)
        print(
            f"cache: {path} can't be read ({error}); it is now {aside}, and a new one begins", file=sys.stderr
        )
        return _with_table(path)


def _set_aside(path: Path) -> str:
    """Give a damaged file another name, and return that."""
    return path.replace(path.with_suffix(".damaged")).name


def _with_table(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_WAIT_SECONDS)
    try:
        database.execute(_TABLE)
        database.execute(_INDEX)
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database
