"""The model catalogue, data/models.yaml: its entries, checked. files.py finds the models that they name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from labelmint.core import paths
from labelmint.core.config import Section, check, read_yaml
from labelmint.core.errors import ParamsError


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
