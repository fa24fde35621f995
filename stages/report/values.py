"""Nested numbers of any metrics file as a table, so that a new metric needs no change here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_LISTED = 8  # longer lists are cut


def flat(content: Any, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path and value of every leaf; a list of scalars is a leaf."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from flat(value, (*prefix, str(key)))
    elif isinstance(content, list) and any(isinstance(value, Mapping | list) for value in content):
        for place, value in enumerate(content, 1):
            yield from flat(value, (*prefix, str(place)))
    else:
        yield prefix, content


def side_by_side(sets: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table whose columns are the sets and whose rows are their metrics, grouped by first key."""
    columns = list(sets)
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for column, content in sets.items():
        for path, value in flat(content):
            rows.setdefault(path, {})[column] = value
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, values in rows.items():
        group, name = ("", path[0]) if len(path) == 1 else (path[0], " · ".join(path[1:]))
        cells = [listed(values.get(column)) for column in columns]
        groups.setdefault(words(group), []).append({"name": words(name), "cells": cells})
    return {"columns": [words(column) for column in columns], "groups": groups}


def listed(value: Any) -> Any:
    """Return a value for one cell of a table: a list as its first values."""
    if not isinstance(value, list):
        return value
    said = ", ".join(f"{item:.4g}" if isinstance(item, float) else str(item) for item in value[:_LISTED])
    return said + (f" … ({len(value)})" if len(value) > _LISTED else "")


def words(key: str) -> str:
    """Write a key as words: mean_words → mean words."""
    return key.replace("_", " ")
