"""Whether results are those of one whole run with these settings, by what dvc.lock records of each stage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from ruamel.yaml.error import YAMLError

from labelmint.core import hashes
from labelmint.core.config import parse_yaml
from labelmint.core.errors import DataError

LOCK = "dvc.lock"
STAGES = ("prepare", "generate", "top_up", "filter", "label", "arms", "describe", "evaluate")

# Returns a file's content; None if there is no such file. So that a commit can be read like a folder.
Read = Callable[[str], bytes | None]


class _File(BaseModel):
    path: str
    md5: str | None = None
    nfiles: int | None = None


class _Stage(BaseModel):
    deps: list[_File] = []
    outs: list[_File] = []
    params: dict[str, dict[str, Any]] = {}


_STAGES = TypeAdapter(dict[str, _Stage])


def read_file(path: str) -> bytes | None:
    """Read a file of the working directory."""
    return Path(path).read_bytes() if Path(path).is_file() else None


def stages_of(arms: Iterable[str]) -> list[str]:
    """Return the stages that results rest on; dvc.lock still has those of arms that are gone."""
    return [*STAGES, *(f"train@{arm}" for arm in arms)]


def recorded_arms(read: Read) -> list[str]:
    """Return the arms whose training dvc.lock has, those that are gone included."""
    return [stage.removeprefix("train@") for stage in _recorded(read) if stage.startswith("train@")]


def read_lock(read: Read, stages: Collection[str]) -> dict[str, Any]:
    """Return what dvc.lock records of these stages, by stage; empty without dvc.lock."""
    recorded = _recorded(read)
    return {name: recorded[name] for name in stages if name in recorded}


def _recorded(read: Read) -> dict[str, Any]:
    recorded = _parsed(read, LOCK).get("stages") or {}
    try:
        _STAGES.validate_python(recorded)
    except ValidationError:
        raise DataError(f"{LOCK}: not as DVC writes it; delete it, and run `dvc repro`") from None
    return recorded


def contradiction(read: Read, recorded: Mapping[str, Any], ignored: Collection[str] = ()) -> str:
    """Return how the results are not of one whole run with today's settings; "" if nothing shows it.

    Code is not compared: a run is one run, whatever was edited since. Settings that are `ignored` may differ.
    """
    settings = _changed_settings(read, recorded, ignored)
    return next(chain(settings, _changed_files(read, recorded), _changed_data(read)), "")


def other_run(read: Read, recorded: Mapping[str, Any], evaluate: Mapping[str, Any], task: object) -> str:
    """Return how an evaluation is not of one run with today's task and settings; "" if nothing shows it."""
    if evaluate and evaluate.get("task") != task:
        return f"metrics/evaluate.json is of task {evaluate.get('task')}, and params.yaml says {task}"
    return contradiction(read, recorded)


def unrecorded(read: Read, recorded: Mapping[str, Any]) -> list[str]:
    """Return the metrics files that are not those of the recorded run; none where nothing is recorded."""
    metrics = {path: value for path, value in outputs(recorded).items() if path.startswith("metrics/")}
    contents = {path: read(path) for path in metrics}
    return [
        path for path, content in contents.items() if content is not None and md5(content) != metrics[path]
    ]


def _changed_settings(read: Read, recorded: Mapping[str, Any], ignored: Collection[str]) -> Iterator[str]:
    today = cache(lambda file: _parsed(read, file))
    for name, stage in recorded.items():
        for file, values in stage.get("params", {}).items():
            for key, value in values.items():
                found = _at(today(file), key)
                if key not in ignored and found != value:
                    yield f"{file}: {_differing(key, found, value)} is not what {name} ran with"


def _changed_files(read: Read, recorded: Mapping[str, Any]) -> Iterator[str]:
    outs = outputs(recorded)
    for name, stage in recorded.items():
        for dep in stage.get("deps", []):
            path = dep["path"]
            today = outs.get(path) or _folder_hash(path, outs, dep.get("nfiles"))
            card = read(path) if path.startswith("data/tasks/") else None
            today = md5(card) if card is not None else today
            if today not in (None, dep.get("md5")):
                yield f"{path} is not what {name} ran with"


def _changed_data(read: Read) -> Iterator[str]:
    """Yield which of the user's files are not as `prepare` read them; those that aren't here tell nothing."""
    try:
        files = json.loads(read("metrics/prepare.json") or b"{}").get("files") or {}
    except (ValueError, AttributeError):  # other checks name what is wrong with the file
        return
    for path, sha256 in files.items():
        content = read(path)
        if content is not None and hashlib.sha256(content).hexdigest() != sha256:
            yield f"{path} is not what prepare ran with"


def outputs(recorded: Mapping[str, Any]) -> dict[str, str]:
    """Return the recorded MD5 of each output."""
    outs = (out for stage in recorded.values() for out in stage.get("outs", []))
    return {out["path"]: out["md5"] for out in outs if "md5" in out}


def md5(content: bytes) -> str:
    """Return the hash that dvc.lock has of a file."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _folder_hash(folder: str, outs: Mapping[str, str], files: int | None) -> str | None:
    """Return the hash that dvc.lock has of a folder with these outputs; None if it held others, too."""
    start = f"{folder}/"
    inside = sorted(
        (path.removeprefix(start), value) for path, value in outs.items() if path.startswith(start)
    )
    if not inside or len(inside) != files or any(value.endswith(".dir") for _, value in inside):
        return None
    return _listing_md5(inside)


def is_other_student(folder: Path, recorded: Mapping[str, str]) -> bool:
    """Return whether an arm's folder isn't the recorded output, as after a `git switch` alone."""
    return recorded.get(folder.as_posix()) not in (None, folder_md5(folder))


def folder_md5(folder: Path) -> str:
    """Return the hash that dvc.lock has of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return _listing_md5([(path.relative_to(folder).as_posix(), hashes.md5(path)) for path in files])


def _listing_md5(files: Iterable[tuple[str, str]]) -> str:
    listing = [{"md5": value, "relpath": path} for path, value in files]
    return md5(json.dumps(listing, sort_keys=True).encode()) + ".dir"


def _parsed(read: Read, path: str) -> Mapping[str, Any]:
    content = read(path)
    try:
        parsed = parse_yaml(content.decode("utf-8")) if content else {}
    except (YAMLError, UnicodeDecodeError):
        raise DataError(f"{path}: not valid YAML; after a merge take either side, then `dvc repro`") from None
    return parsed if isinstance(parsed, Mapping) else {}


def _differing(key: str, today: Any, recorded: Any) -> str:
    """Return the dotted key of the first part that differs."""
    if not isinstance(today, Mapping) or not isinstance(recorded, Mapping):
        return key
    part = next(part for part in [*recorded, *today] if today.get(part) != recorded.get(part))
    return _differing(f"{key}.{part}", today.get(part), recorded.get(part))


def _at(content: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        content = content.get(part) if isinstance(content, Mapping) else None
    return content
