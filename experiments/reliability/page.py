"""docs/explanation/reliability.md: what was broken, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.reliability.load import PARTS

_HEAD = """\
# What happens when things go wrong

Written by `python -m experiments.reliability`; every number is in `metrics/reliability.json`. `python -m
experiments.reliability fuzz` runs one part, `--page` none.
"""
_NOT_RUN = "Not measured yet: `python -m experiments.reliability {}`.\n"


def page(results: Mapping[str, Any]) -> str:
    """Return the page."""
    writers = {"faults": _faults, "fuzz": _fuzz, "load": _load}
    parts = [
        writer(results[name]) if name in results else f"{_TITLES[name]}\n{_NOT_RUN.format(name)}"
        for name, writer in writers.items()
    ]
    return "\n".join([_HEAD, *parts])


_TITLES = {
    "faults": "## Kills, signals, full disks\n",
    "fuzz": "## Broken files\n",
    "load": "## Many rows\n",
}


def _faults(result: Mapping[str, Any]) -> str:
    kill = result["kill"]
    lines = [
        _TITLES["faults"],
        "A small run with the real `dvc`, a stub for the language model and a small random encoder.\n",
        f"- `kill -9` at {kill['kills']} random moments of {kill['stages']} stage runs, then `dvc repro`: of "
        f"{kill['results']} results, {_named(kill['different_results'])} differ from an uninterrupted run's; "
        f"files left over: {_named(kill['left_over_files'])}; a last `dvc repro` "
        f"{'runs nothing' if kill['up_to_date'] else 'still runs something'}. DVC writes `dvc.lock` in "
        f"place: {kill['broken_locks']} of the kills left half of one, which was deleted, as "
        "[experiments.md](../howto/experiments.md#surprises-of-dvc) says.",
    ]
    for name, signal in (("sigint", "Ctrl-C"), ("sigterm", "SIGTERM")):
        stopped = result[name]
        lines.append(
            f"- {signal} to {stopped['sent']} running stages: {len(stopped['wrong'])} did not end with one "
            f"line and the signal's exit status; outputs {_changed(stopped)}."
        )
    if disk := result["disk_full"]:
        lines.append(
            f"- A full disk under {disk['runs']} stage runs: {len(disk['wrong'])} did not end with one line; "
            f"outputs {_changed(disk)}."
        )
    return "\n".join(lines) + "\n"


def _fuzz(result: Mapping[str, Any]) -> str:
    lines = [
        _TITLES["fuzz"],
        f"{result['inputs']:,} files and settings, changed in a few places by what breaks readers: each is "
        "read, or refused in one line. Where a file was not changed, or an answer was written, the rows are "
        "compared with those that went in.\n",
        "| what | read | refused | tracebacks or lost rows |",
        "|---|--:|--:|--:|",
    ]
    for name, counts in result.items():
        if name != "inputs":
            numbers = [f"{counts[key]:,}" for key in ("read", "refused", "failed")]
            lines.append(f"| {name.replace('_', ' ')} | {' | '.join(numbers)} |")
    return "\n".join(lines) + "\n"


def _load(result: Mapping[str, Any]) -> str:
    lines = [
        _TITLES["load"],
        "Processor seconds and peak memory, each in a process of its own; texts are random walks over the "
        "real rows' words, of which one in twenty repeats another. The language model and the vectors are "
        "scripted. *Growth* is the exponent from the last but one number of rows to the last: 1 is linear, 2 "
        "quadratic.\n",
        "| part | rows | seconds | MB | growth |",
        "|---|--:|--:|--:|--:|",
    ]
    for part, of in result.items():
        *_, last = of["rows"]
        for rows, cost in of["rows"].items():
            growth = of["growth"] if rows == last else ""
            numbers = f"{cost['seconds']:,.1f} | {cost['peak_mb']:,.0f}"
            lines.append(f"| {PARTS[part].title} | {int(rows):,} | {numbers} | {growth} |")
    return "\n".join(lines) + "\n"


def _named(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _changed(result: Mapping[str, Any]) -> str:
    return "changed" if result["outputs_changed"] else "are unchanged"
