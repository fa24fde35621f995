"""Read YAML by the rules of YAML 1.2 and check it against a model, in one place for every YAML file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from labelmint.core.errors import ParamsError


class Section(BaseModel):
    """A frozen part of a YAML file: unknown keys, missing keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Yaml12Loader(yaml.SafeLoader):
    """PyYAML with YAML 1.2's scalars: `1e-5` is a number; `no`, `on` and `2024-01-31` are texts.

    PyYAML reads YAML 1.1, while DVC reads and rewrites params.yaml as 1.2 (0.00001 becomes 1e-05).
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands twice; PyYAML would silently let the last one win."""
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            # Keys merged by `<<` may be overridden: that is what merging is for.
            if not isinstance(key, yaml.ScalarNode) or key.tag.endswith(":merge"):
                continue
            own = (key.tag, key.value)
            if own in lines:
                problem = f"the key {key.value} stands twice, first in line {lines[own]}; remove one of them"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            lines[own] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


Yaml12Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if not tag.endswith((":bool", ":float", ":int", ":timestamp"))
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Yaml12Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
Yaml12Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789")
)
Yaml12Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$"),
    list("-+0123456789."),
)

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path) -> Any:
    """Parse a YAML file, or raise `ParamsError` with the file and line."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=Yaml12Loader)
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise ParamsError(f"{path}: not UTF-8 ({error.reason} at byte {error.start})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ParamsError(f"{line}: not valid YAML: {problem}") from None


def check(model: type[Model], content: Any, path: Path, prefix: str = "") -> Model:
    """Validate `content` as `model`; raise `ParamsError` naming the file, the key and the remedy."""
    if not isinstance(content, dict):
        raise ParamsError(f"{path}: {prefix or 'the file'} must be a mapping of keys to values")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ParamsError("; ".join(_explain(item, path, prefix) for item in error.errors()[:3])) from None


def _explain(item: Any, path: Path, prefix: str) -> str:
    key = ".".join([*([prefix] if prefix else []), *(str(part) for part in item["loc"])])
    given = item["input"]
    match item["type"]:
        case "extra_forbidden":
            return f"{path}: unknown key {key}; remove it or check its spelling"
        case "missing":
            return f"{path}: key {key} is missing"
        case "value_error":
            return f"{path}: {key + ': ' if key else ''}{item['ctx']['error']}"
        case "int_type" | "float_type" | "int_from_float" if isinstance(given, str):
            return f"{path}: {key} must be a number, not the text {given!r}; write it without quotes"
        case "string_type" if isinstance(given, int | float):
            return f"{path}: {key} must be a text, not {given!r}; write it in quotes"
        case _:
            return f"{path}: {key}: {item['msg'][0].lower() + item['msg'][1:]}, not {given!r}"
