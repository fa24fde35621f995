"""The model catalogue: find a model's file, fetch or join it if need be, and check its SHA-256."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Annotated, Any, Literal

from pydantic import Field, model_validator

from labelmint.core import paths
from labelmint.core.cache import cache_dir, cache_errors
from labelmint.core.config import Section, check, read_yaml
from labelmint.core.contents import PLACEHOLDERS, start_of, what_is
from labelmint.core.errors import ModelError, ParamsError
from labelmint.core.hashes import BLOCK_BYTES, sha256
from labelmint.core.records import atomic_binary_file, write_json
from labelmint.llm.catalog import hub

_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


class Hub(Section):
    """A repository of the Hugging Face hub: of a language model one GGUF file, of an encoder all it needs.

    Of a GGUF model in several files, `file` is the first. Without `revision`, the newest one is fetched.
    """

    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    file: Annotated[str, Field(pattern=r"\.gguf$")] | None = None
    revision: str | None = None


class Entry(Section):
    """A model in data/models.yaml: from an installed package (in parts, or a folder), a path or the hub.

    `path` is the model's file, of a GGUF model in several files the first; an encoder's may also be the
    folder that transformers loads, whose weights are `file`, or model.safetensors. If the joined `parts` are
    a zip, `archive` is the folder in it that transformers loads. `pooling` and `prefix` are for encoders:
    which token vectors make a text's vector (their mean, the first, the last), and what is put before a text.
    """

    kind: Literal["base", "chat", "encoder"]
    package: str | None = None
    parts: list[str] = Field(default_factory=list)
    folder: str | None = None
    archive: str | None = None
    path: str | None = None
    hub: Hub | None = None
    file: str | None = None
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    licence: str = "unknown"
    pooling: Literal["mean", "cls", "last"] = "mean"
    prefix: str = ""

    @model_validator(mode="after")
    def _one_place(self) -> Entry:
        if sum(place is not None for place in (self.path, self.package, self.hub)) != 1:
            raise ValueError("give one of `path`, `package` and `hub`")
        if self.hub and (self.kind == "encoder") == (self.hub.file is not None):
            raise ValueError(
                "hub.file: an encoder's is the whole repository: remove it"
                if self.hub.file
                else "hub.file is missing: the name of the GGUF file"
            )
        if self.kind != "encoder" and (self.pooling != "mean" or self.prefix or self.archive):
            raise ValueError("`pooling`, `prefix` and `archive` are for encoders")
        if self.kind == "encoder" and self.file and not self.file.endswith(".safetensors"):
            raise ValueError(f"file: {self.file!r} may be a pickle, which can run code; name .safetensors")
        if self.archive and not self.parts:
            raise ValueError("`archive` is a folder in the zip that `parts` make: give `parts`")
        if self.package and not self.file:
            raise ValueError("`file` is missing: the name of the model's file")
        if self.package and not self.parts and not self.folder:
            raise ValueError("give `parts` or `folder` with `package`")
        return self


def read_catalog() -> dict[str, Any]:
    """Return the catalogue's content by name, not checked further than that it is a mapping."""
    content = read_yaml(paths.CATALOG)
    if not isinstance(content, dict):
        raise ParamsError(f"{paths.CATALOG}: the file must be a mapping of names to models")
    for name in content:
        if not isinstance(name, str):
            raise ParamsError(f"{paths.CATALOG}: {name}: a model's name must be text; rename it or quote it")
    return content


def load_entry(name: str, kinds: tuple[str, ...], key: str) -> Entry:
    """Return the catalogue's entry `name`, which must be of one of `kinds`; `key` is for the message."""
    content = read_catalog()
    if name not in content:
        known = [n for n, entry in content.items() if isinstance(entry, dict) and entry.get("kind") in kinds]
        raise ParamsError(
            f"params.yaml: {key}: no model {name!r} in {paths.CATALOG}; it has {', '.join(known)}"
        )
    if "." in name:
        raise ParamsError(f"{paths.CATALOG}: {name}: rename it without dots: DVC takes them for nested keys")
    entry = check(Entry, content[name], paths.CATALOG, name)
    if entry.kind not in kinds:
        raise ParamsError(f"params.yaml: {key}: {name!r} is of kind {entry.kind}, not {' or '.join(kinds)}")
    return entry


def model_file(name: str, entry: Entry) -> Path:
    """Return the path of the model's checked file, fetching it or joining its parts first.

    Raises `ModelError` if a file is missing, truncated or has another hash than the catalogue says.
    """
    file = unwarned_model_file(name, entry)
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


def unwarned_model_file(name: str, entry: Entry) -> Path:
    """Return the path as `model_file` does, and don't warn of an entry without a hash."""
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
        where = entry.hub
        if where.file is None:
            return [_weights(name, hub.find(name, where.repo, None, where.revision, fetch=fetch), entry)]
        return [
            hub.find(name, where.repo, file, where.revision, fetch=fetch) for file in _split_names(where.file)
        ]
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
            except (zipfile.BadZipFile, OSError) as error:
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
    memory, places = cache_dir() / "verified.json", _places(files)
    try:
        known = dict(json.loads(memory.read_text()))
    except (OSError, ValueError, TypeError):
        known = {}
    if known.get(places) != expected:
        actual = sha256(*files)
        if actual != expected:
            raise ModelError(
                f"{files[0]}: SHA-256 is {actual[:16]}…, but {paths.CATALOG} says {expected[:16]}… for "
                f"{name}; the file is damaged or another one: fetch it again, or correct the entry"
            )
        with suppress(OSError):  # in a read-only cache it is hashed each time
            write_json(memory, {**known, places: actual})


def identity(file: Path, entry: Entry) -> str:
    """Return what tells a model from others: its recorded hash, or its files' paths, sizes and times.

    `file` is the first of its files.
    """
    return entry.sha256 or _places([file.with_name(part) for part in _split_names(file.name)])


def _places(files: list[Path]) -> str:
    stats = [file.stat() for file in files]
    return "|".join(
        f"{file.resolve()}:{stat.st_size}:{stat.st_mtime_ns}" for file, stat in zip(files, stats, strict=True)
    )
