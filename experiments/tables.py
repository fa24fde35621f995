"""Pages of results: scores and gains as cells, in per cent with their intervals; tables in Markdown."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labelmint.core.errors import DataError
from labelmint.core.files import write_text
from labelmint.core.records import read_json


def score(entry: Mapping[str, Any], metric: str = "accuracy") -> str:
    """Return the entry's accuracy, or another metric: 71.0 (69.1–72.9)."""
    mean, low, high = (100 * entry[metric][key] for key in ("mean", "ci_low", "ci_high"))
    return f"{mean:.1f} ({low:.1f}–{high:.1f})"


def gain(difference: Mapping[str, float], metric: str = "accuracy") -> str:
    """Return a difference in accuracy, or in another metric, in points: +0.1 (-0.9 to +1.2)."""
    mean, low, high = (100 * difference[key] for key in (metric, "ci_low", "ci_high"))
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"


def table(columns: str, rows: Iterable[Iterable[object]]) -> list[str]:
    """Return a table's lines; the columns' names are separated as in the table: "task | rows"."""
    lines = [f"| {' | '.join(map(str, cells))} |" for cells in rows]
    return [f"| {columns} |", "|---" * len(columns.split("|")) + "|", *lines]


def write_page(page: Path, content: Callable[[Any], str], results: Path, command: str) -> None:
    """Write a page from a file of results, or all files in a folder; without any, the command makes them."""
    files = sorted(results.glob("*.json"))
    found = read_json(results) if results.is_file() else [*map(read_json, files)]
    if not found:
        raise DataError(f"{results}: no results; run `{command}`")
    write_text(page, content(found))


def parser(name: str, main: Callable[..., None], tasks: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the command line of an experiment, with `--page`, and `tasks` if it has any."""
    parser = argparse.ArgumentParser(prog=f"python -m experiments.{name}", description=main.__doc__)
    parser.add_argument("--page", dest="page_only", action="store_true", help="only write the page")
    if tasks:
        which = f"of {', '.join(tasks)}; all by default"
        parser.add_argument("tasks", nargs="*", metavar="TASK", help=which)
    return parser
