"""Nested numbers of any metrics file as tables, so that a new metric needs no change here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labelmint.report.formats import number

_LISTED = 11  # longer lists are cut
Path = tuple[str, ...]


def flat(content: Any, prefix: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the path and value of every leaf: a scalar, a list, or a mean with its deviation."""
    if isinstance(content, Mapping) and not _is_mean(content):
        for key, value in content.items():
            yield from flat(value, (*prefix, str(key)))
    else:
        yield prefix, content


def side_by_side(sets: Mapping[str, Any]) -> dict[str, Any]:
    """Return tables whose columns are the sets and whose rows are their metrics, grouped by first key.

    Lists of entries, such as the commonest words, become tables of their own: `lists`. Histograms, which are
    drawn, are left out.
    """
    sets = {name: content for name, content in sets.items() if content}
    rows: dict[Path, dict[str, Any]] = {}
    lists = []
    for column, content in sets.items():
        for path, value in flat(content):
            if path[-1] == "histogram":
                continue
            if _is_entries(value):
                lists.append(entries((*path, column) if len(sets) > 1 else path, value))
            else:
                rows.setdefault(path, {})[column] = value
    groups: dict[str, list[dict[str, Any]]] = {}
    # Metrics without a group of their own come first.
    for path, values in sorted(rows.items(), key=lambda item: len(item[0]) > 1):
        group, name = ("", path[0]) if len(path) == 1 else (path[0], " · ".join(path[1:]))
        cells = [listed(values.get(column)) for column in sets]
        groups.setdefault(words(group), []).append({"name": words(name), "cells": cells})
    return {"columns": [words(column) for column in sets], "groups": groups, "lists": lists}


def histograms(metrics: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return the sets' histograms of lengths, of those that have one."""
    lengths = {name: content.get("length", {}) for name, content in metrics.get("sets", {}).items()}
    return {name: length["histogram"] for name, length in lengths.items() if length.get("histogram")}


def by_set(metrics: Mapping[str, Any], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Turn {measure: {set: value}} into {set: {measure: value}}; the last set gets what is said of no set."""
    columns: dict[str, dict[str, Any]] = {name: {} for name in names}
    for measure, value in metrics.items():
        of_sets = isinstance(value, Mapping) and bool(value) and set(value) <= set(names)
        for name, content in value.items() if of_sets else [(names[-1], value)]:
            columns[name][measure] = content
    return columns


def entries(path: Path, items: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a list of entries as a table with their keys as columns."""
    columns = list(dict.fromkeys(key for entry in items for key in entry))
    cells = [[listed(entry.get(key)) for key in columns] for entry in items]
    return {"name": words(" · ".join(path)), "columns": [words(key) for key in columns], "rows": cells}


def listed(value: Any) -> Any:
    """Return a value for one cell of a table: a mean with its deviation, a list as its first values."""
    if isinstance(value, Mapping):
        spread = f" ± {number(value['sd'])}" if "sd" in value else ""
        return f"{number(value['mean'])}{spread}"
    if not isinstance(value, list):
        return value
    shown = ", ".join(number(item) for item in value[:_LISTED])
    return shown + (f" … ({len(value)})" if len(value) > _LISTED else "")


def words(key: str) -> str:
    """Write a key as words: mean_words → mean words."""
    return key.replace("_", " ")


def _is_mean(content: Mapping[str, Any]) -> bool:
    return "mean" in content and set(content) <= {"mean", "sd"}


def _is_entries(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(entry, Mapping) for entry in value)
