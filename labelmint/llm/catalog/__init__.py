"""The model catalogue: find a model's file, fetch or join it if need be, and check its SHA-256.

Run alone: `python -m labelmint.llm.catalog list` and `python -m labelmint.llm.catalog pin NAME`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from labelmint.core import paths
from labelmint.core.cache import cache_dir
from labelmint.core.config import Section, check, read_yaml
from labelmint.core.errors import ModelError, ParamsError
from labelmint.core.records import atomic_binary_file
from labelmint.llm.catalog import hub

BLOCK_BYTES = 1 << 20


class Hub(Section):
    """A GGUF file on the Hugging Face hub; without `revision`, the newest one."""

    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    file: Annotated[str, Field(pattern=r"\.gguf$")]
    revision: str | None = None

    @field_validator("file")
    @classmethod
    def _whole(cls, file: str) -> str:
        if re.search(r"-\d{5}-of-\d{5}\.gguf$", file):
            raise ValueError("a model in several files can't be fetched; fetch them yourself and give `path`")
        return file


class Entry(Section):
    """A model in data/models.yaml: from an installed package (in parts, or a folder), a path or the hub.

    `path` is the model's file; an encoder's may also be the folder that transformers loads, whose
    weights are `file`, or model.safetensors. `pooling` and `prefix` are for encoders: which token vectors make
    a text's vector (their mean, the first, the last), and what is put before each text ("query: ").
    """

    kind: Literal["base", "chat", "encoder"]
    package: str | None = None
    parts: list[str] = Field(default_factory=list)
    folder: str | None = None
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
        if self.hub and self.kind == "encoder":
            raise ValueError("an encoder is a folder: fetch the whole of it yourself and give `path`")
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
    files = source_files(name, entry)
    if entry.sha256 is None:
        print(
            f"{paths.CATALOG}: {name} has no sha256, so a changed file would go unnoticed; "
            f"record it: python -m labelmint.llm.catalog pin {name}",
            file=sys.stderr,
        )
    if len(files) > 1:
        return _joined(name, entry, files)
    _verify(name, files[0], entry.sha256)
    return files[0]


def source_files(name: str, entry: Entry, *, fetch: bool = True) -> list[Path]:
    """Return the files that are the model, joined in this order; raise `ModelError` if one is missing.

    With `fetch`, a file on the hub is downloaded unless it is here.
    """
    if entry.hub is not None:
        where = entry.hub
        return [hub.find(name, where.repo, where.file, where.revision, fetch=fetch)]
    if entry.path is not None:
        source = Path(entry.path).expanduser()
        if entry.kind == "encoder" and source.is_dir():
            source /= entry.file or "model.safetensors"
        if not source.is_file():
            raise ModelError(f"{paths.CATALOG}: {name}: path: no file {source}")
        return [source]
    parts = [f"{entry.folder}/{entry.file}"] if entry.folder is not None else entry.parts
    return [_package_file(name, entry, part) for part in parts]


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


def sha256(*files: Path) -> str:
    """Return the SHA-256 of the files' joined content as hexadecimal text."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as source:
            while block := source.read(BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()
