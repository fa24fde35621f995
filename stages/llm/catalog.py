"""The model catalogue: find a model's file, join its parts if need be, and check its SHA-256."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from stages import paths
from stages.config import Section, check, read_yaml
from stages.errors import ModelError, ParamsError
from stages.llm.journal import cache_dir
from stages.records import atomic_binary_file

BLOCK_BYTES = 1 << 20


class Entry(Section):
    """A model in models/catalog.yaml; from an installed package (in parts, or a folder) or from a path.

    `path` is the model's file; an encoder's may also be the folder that transformers loads, whose
    weights are `file`, or model.safetensors.
    """

    kind: Literal["base", "chat", "encoder"]
    package: str | None = None
    parts: list[str] = Field(default_factory=list)
    folder: str | None = None
    path: str | None = None
    file: str | None = None
    sha256: str | None = None
    licence: str = "unknown"

    @model_validator(mode="after")
    def _one_place(self) -> Entry:
        if (self.path is None) == (self.package is None):
            raise ValueError("give either `path` or `package`")
        if self.package and not self.file:
            raise ValueError("`file` is missing: the name of the model's file")
        if self.package and not self.parts and not self.folder:
            raise ValueError("give `parts` or `folder` with `package`")
        return self


def load_entry(name: str, kinds: tuple[str, ...], key: str) -> Entry:
    """Return the catalogue's entry `name`, which must be of one of `kinds`; `key` is for the message."""
    content = read_yaml(paths.CATALOG)
    if not isinstance(content, dict):
        raise ParamsError(f"{paths.CATALOG}: the file must be a mapping of names to models")
    if name not in content:
        known = [n for n, entry in content.items() if isinstance(entry, dict) and entry.get("kind") in kinds]
        raise ParamsError(
            f"params.yaml: {key}: no model {name!r} in {paths.CATALOG}; it has {', '.join(known)}"
        )
    entry = check(Entry, content[name], paths.CATALOG, name)
    if entry.kind not in kinds:
        raise ParamsError(f"params.yaml: {key}: {name!r} is of kind {entry.kind}, not {' or '.join(kinds)}")
    return entry


def model_file(name: str, entry: Entry) -> Path:
    """Return the path of the model's checked file, joining its parts into the per-user cache first.

    Raises `ModelError` if a file is missing, truncated or has another hash than the catalogue says.
    """
    if entry.path is not None:
        source = Path(entry.path).expanduser()
        if entry.kind == "encoder" and source.is_dir():
            source /= entry.file or "model.safetensors"
        if not source.is_file():
            raise ModelError(f"{paths.CATALOG}: {name}: path: no file {source}")
        _verify(name, source, entry.sha256)
        return source
    if entry.folder is not None:
        file = _package_file(name, entry, f"{entry.folder}/{entry.file}")
        _verify(name, file, entry.sha256)
        return file
    parts = [_package_file(name, entry, part) for part in entry.parts]
    if len(parts) == 1:
        _verify(name, parts[0], entry.sha256)
        return parts[0]
    return _joined(name, entry, parts)


def _joined(name: str, entry: Entry, parts: list[Path]) -> Path:
    """Join the parts once; a damaged earlier join is made again, never used."""
    target = cache_dir() / "models" / str(entry.file)
    if target.is_file():
        try:
            _verify(name, target, entry.sha256)
        except ModelError:
            pass
        else:
            return target
    with atomic_binary_file(target) as file:
        for part in parts:
            with part.open("rb") as source:
                while block := source.read(BLOCK_BYTES):
                    file.write(block)
    try:
        _verify(name, target, entry.sha256)
    except ModelError:
        target.unlink()
        raise
    return target


def _package_file(name: str, entry: Entry, relative: str) -> Path:
    package, _, inside = relative.partition("/")
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):  # the package around it is missing; no name at all
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"{paths.CATALOG}: {name}: package {package} is not installed; run `make setup`")
    file = Path(spec.submodule_search_locations[0]) / inside
    if not file.is_file():
        raise ModelError(f"{paths.CATALOG}: {name}: {file} is missing; reinstall the package {entry.package}")
    return file


def _verify(name: str, file: Path, expected: str | None) -> None:
    """Check the hash, remembering the answer by path, size and time so that 5 GB are read once."""
    if expected is None:
        return
    stat = file.stat()
    memory = cache_dir() / "verified.json"
    identity = f"{file.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"
    try:
        known = dict(json.loads(memory.read_text()))
    except (OSError, ValueError, TypeError):
        known = {}
    if known.get(identity) != expected:
        found = sha256(file)
        if found != expected:
            raise ModelError(
                f"{file}: SHA-256 is {found[:16]}…, but {paths.CATALOG} says {expected[:16]}… for {name}; "
                "the file is damaged or another one: fetch it again, or correct the entry"
            )
        memory.parent.mkdir(parents=True, exist_ok=True)
        temporary = memory.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps({**known, identity: found}))
        temporary.replace(memory)


def sha256(file: Path) -> str:
    """Return a file's SHA-256 as hexadecimal text."""
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while block := source.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
