"""Read YAML 1.2 and check it against a model, in one place for every YAML file."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError

from labelmint.core.errors import ParamsError
from labelmint.core.quoting import one_line


class Section(BaseModel):
    """A frozen part of a YAML file: unknown keys, missing keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _Constructor(SafeConstructor):
    """Keeps as texts what labels and texts may well look like: 2024-01-31, 007, 0x1F, 1_000, .inf."""

    def construct_number(self, node: Any) -> int | float | str:
        """Return a number, or the text as it stands."""
        return number_or_text(str(self.construct_scalar(node)))


def number_or_text(text: str) -> int | float | str:
    """Return a decimal number, or the text as it stands."""
    if re.fullmatch(r"[-+]?(0|[1-9][0-9]{0,999})", text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_Constructor.add_constructor("tag:yaml.org,2002:int", _Constructor.construct_number)
_Constructor.add_constructor("tag:yaml.org,2002:float", _Constructor.construct_number)
_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)

Model = TypeVar("Model", bound=BaseModel)


def parse_yaml(text: str) -> Any:
    """Parse YAML 1.2, as DVC does, but for `_Constructor`'s texts; a key that stands twice is an error.

    All that is wrong with the text is a `YAMLError`.
    """
    parser = YAML(typ="safe", pure=True)
    parser.Constructor = _Constructor
    try:
        return parser.load(text)
    # Tags such as !!bool, and values nested too deep, end in other errors of the parser.
    except (KeyError, ValueError, RecursionError) as error:
        raise YAMLError(f"{type(error).__name__}: {one_line(error)}") from None


def read_yaml(path: Path) -> Any:
    """Parse a YAML file, or raise `ParamsError` with the file and line."""
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; run this in the project's folder") from None
    except UnicodeDecodeError as error:
        problem = f"{error.reason} at byte {error.start}"
        raise ParamsError(f"{path}: not UTF-8 ({problem}); save it as UTF-8") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        spaces = "; write spaces instead" if r"'\t'" in problem else ""
        raise ParamsError(f"{line}: not valid YAML: {' '.join(problem.split())}{spaces}") from None


def check(model: type[Model], content: Any, path: Path, prefix: str = "") -> Model:
    """Validate `content` as `model`; raise `ParamsError` naming the file, the key and the remedy."""
    if not isinstance(content, dict):
        empty = ", and it is empty" if content is None else ""
        raise ParamsError(f"{path}: {prefix or 'the file'} must be a mapping of keys to values{empty}")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        items = [item for item in error.errors() if not _of_other_kind(item)]
        problems = [_explain(item, content, path, prefix, _keys(model)) for item in items[:3]]
        raise ParamsError("; ".join(problems)) from None


def _of_other_kind(item: Any) -> bool:
    """Tell whether an error is of the kind that was not written, where a value may be a list or a mapping.

    Pydantic gives the errors of both. Of what is neither, the list's error stays.
    """
    if not item["loc"] or not _is_kind(item["loc"][-1]):
        return False
    return item["type"] == "dict_type" or (item["type"] == "list_type" and isinstance(item["input"], dict))


def _is_kind(part: int | str) -> bool:
    """Tell whether a part of a place is no key but pydantic's name of a kind, such as list[str]."""
    return bool(re.match(r"(list|dict)\[", str(part)))


def _keys(model: Any) -> set[str]:
    """Return the keys of a model and of all models in it."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        return {*fields, *(key for annotation in fields.values() for key in _keys(annotation))}
    return {key for part in get_args(model) for key in _keys(part)}


def _as_written(place: Sequence[int | str], content: Any) -> Iterator[str]:
    """Yield the keys of a place as the file has them; pydantic's place of a key `true` is 1."""
    for part in place:
        if _is_kind(part):
            continue
        key = next((key for key in content if key == part), part) if isinstance(content, dict) else part
        yield json.dumps(key) if isinstance(key, bool) else str(key)
        try:
            content = content[key]
        except (KeyError, IndexError, TypeError):
            content = None


def _explain(item: Any, content: Any, path: Path, prefix: str, keys: Collection[str]) -> str:
    parts = [*_as_written(item["loc"], content)]
    parts, given = [*([prefix] if prefix else []), *parts], item["input"]
    key = ".".join(parts)
    if parts[-1:] == ["[key]"]:
        key = ".".join(parts[:-2]) + ("" if item["type"] == "value_error" else ": a key")
    match item["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(parts[-1], keys, n=1)
            remedy = f"did you mean {near[0]}?" if near else "remove it or check its spelling"
            return f"{path}: unknown key {key}; {remedy}"
        case "missing":
            return f"{path}: key {key} is missing"
        case "value_error":
            return f"{path}: {key + ': ' if key else ''}{item['ctx']['error']}"
        case "int_type" | "float_type" | "int_from_float" if isinstance(given, str):
            quoted = not isinstance(number_or_text(given), str)
            remedy = "it without quotes" if quoted else "digits, such as 20"
            return f"{path}: {key} must be a number, not the text {_shown(given)}; write {remedy}"
        case "string_type" if given is None and parts[-1:] != ["[key]"]:
            return f"{path}: {key} is empty; give it a text"
        case "string_type" if given is None or isinstance(given, int | float):
            return f"{path}: {key} must be a text, not {_shown(given)}; write it in quotes"
        case "list_type" if _is_kind(item["loc"][-1]):
            must = "a list, or a mapping of label names to lists"
            return f"{path}: {key} must be {must}, not {_shown(given)}"
        case "list_type":
            return f"{path}: {key} must be a list, such as [1, 2] or [a, b], not {_shown(given)}"
        case "bool_type":
            return f"{path}: {key} must be true or false, without quotes, not {_shown(given)}"
        case "model_type" | "dict_type":
            return f"{path}: {key} must be a mapping of keys to values, not {_shown(given)}"
        case "too_short":
            return f"{path}: {key} needs at least {item['ctx']['min_length']}"
        case "too_long":
            return f"{path}: {key} may have at most {item['ctx']['max_length']}, and has {len(given)}"
        case _:
            return f"{path}: {key}: {item['msg'][0].lower() + item['msg'][1:]}, not {_shown(given)}"


def _shown(value: Any) -> str:
    """Return a value as YAML has it, but for long ones, which are cut."""
    text = json.dumps(value, default=str) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else f"{text[:80]} …"
