"""A folder that is whole or not there, and that never replaces files that an export did not make."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labelmint.core.errors import DataError
from labelmint.core.records import write_json
from labelmint.llm.catalog import sha256

MARKER = "labelmint.json"
_MAKER = "labelmint export"


def check_free(folder: Path) -> None:
    """Raise `DataError` unless nothing is here, or an earlier export that was not changed."""
    if not folder.name:
        raise DataError(f"--out: {folder} can't be replaced; name a new folder")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise DataError(f"--out: {folder} is a file; name a new folder")
    present = {str(file.relative_to(folder)): file for file in folder.rglob("*") if not _real_folder(file)}
    if not present:
        return
    files = _recorded(folder)
    if files is None:
        raise DataError(f"--out: {folder} was not made by `labelmint export`, so it stays; name a new folder")
    for name, file in present.items():
        if name != MARKER and (name not in files or file.is_symlink() or sha256(file) != files[name]):
            what = "was changed" if name in files else "was added"
            raise DataError(
                f"--out: {folder}: {name} {what} since the last export, so it stays; move the folder away, "
                "or name a new one"
            )


def _real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _recorded(folder: Path) -> Mapping[str, str] | None:
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        return dict(marker["files"]) if marker["made_by"] == _MAKER else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def new_folder(folder: Path, about: Mapping[str, Any]) -> Iterator[Path]:
    """Yield an empty folder to fill, which then gets its name; `about` goes into its marker.

    Raises
    ------
    DataError
        See `check_free`.
    """
    folder = folder.resolve()
    check_free(folder)
    temporary = folder.with_name(f".{folder.name}.tmp")
    old = folder.with_name(f".{folder.name}.old.tmp")
    for leftover in (temporary, old):  # of a run that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        files = sorted(file for file in temporary.rglob("*") if file.is_file())
        hashes = {str(file.relative_to(temporary)): sha256(file) for file in files}
        write_json(temporary / MARKER, {"made_by": _MAKER, **about, "files": hashes})
        if folder.exists():
            check_free(folder)
            folder.rename(old)
        try:
            temporary.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def copy_files(source: Path, target: Path) -> None:
    """Copy a folder's files; DVC may keep them as links, and write-protected."""
    target.mkdir()
    for file in sorted(source.iterdir()):
        if file.is_file():
            shutil.copyfile(file, target / file.name)
