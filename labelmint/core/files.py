"""Files that are either whole or not there at all."""

from __future__ import annotations

import errno
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import IO

from labelmint.core.errors import DISK_FULL

# A write doesn't say which file it is; of one that can't be opened, the temporary name says little.
_OF_FILE = (*DISK_FULL, errno.EACCES, errno.EROFS)


@contextmanager
def atomic_binary_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that gets its name only once it is whole and on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path)
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):  # of a read-only file system, it would name the temporary file
            temporary.unlink()
        if isinstance(error, OSError) and error.errno in _OF_FILE:
            error.filename = str(path)
        raise


def temporary_beside(path: Path) -> Path:
    """Return what a file or folder is called until it is whole; remove what killed processes left of it."""
    for left in path.parent.glob(f".{escape(path.name)}.*.tmp"):
        number = left.suffixes[-2][1:]
        try:
            os.kill(int(number), 0)  # sends nothing
        except ProcessLookupError:
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
        except (PermissionError, ValueError, OverflowError):  # another user's, or no process at all
            continue
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[str]]:
    """Open a UTF-8 text file that gets its name only once it is whole and on disk."""
    with atomic_binary_file(path) as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8", newline="\n")
        yield text
        text.flush()
        text.detach()


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_file(path) as file:
        file.write(text)
