"""docs/results/ablation.md: the table of rules, each with its result in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments import tables

_SIGNIFICANT = 0.05  # of the corrected p-value

_HEAD = """\
# What each rule of the filter gained

Written by `python -m experiments.ablate` (`make ablate`) from the last run. Every number is in
`metrics/ablate.json`.

"""
_HOW = """\
## How to read it

*Gain*: accuracy of training on the accepted rows, less that of training on what is left when, of these and
the rule's rows together, **as many are removed at random**. A rule that picks its rows no better than chance
gains nothing by this measure. The 95 % interval covers the scored rows and the luck of one choice of rows
(how far single random removals lie apart); p is corrected for the number of rules (Holm). *All left in*:
training on all of these rows, hence on more of them; *gain over all* compares the rule with that: what it
gained or cost with fewer rows to train on.

A row counts for the first rule that it broke. It is given the label that it would have been kept with: the
one with the best score where the filter relabels, else the one that it was written for. The whole filter is
compared with all finished texts, labelled as they were written, so that relabelling is a part of what it
gains. In every training set the labels are in the run's shares.

What it can't tell: how another run's texts would do, or another draw of real rows, or another classifier than
a linear head on the frozen encoder. Rules against leaks and copies are there for honest scores and licences,
whatever they gain.
"""


def page(result: Mapping[str, Any]) -> str:
    """Return the page."""
    scored = result["scored_on"]
    source = "held-back real rows (no test rows)" if scored["source"] == "pool" else "real training rows"
    head = (
        f"{_HEAD}Task `{result['task']}`, {result['candidates']} candidates. Accuracy in per cent on "
        f"{scored['rows']} {source}; mean of {len(result['seeds'])} students, and of {result['draws']} times "
        "as many with random rows removed.\n"
    )
    if scored["note"]:
        head += f"\nNote: {scored['note']}.\n"
    parts = [head, _section("Synthetic rows alone", result)]
    mixed = result["mixed"]
    if mixed["real_rows"]:
        parts.append(_section(f"With {mixed['real_rows']} real rows", mixed))
    return "\n".join([*parts, _HOW])


def _section(title: str, result: Mapping[str, Any]) -> str:
    base, rules, whole = result["base"], result["rules"], result["filter"]
    compared = sum("gain" in entry for entry in rules)
    rows = [_row(f"`{entry['rule']}`", entry, in_words(entry, compared)) for entry in rules]
    rows.append(_row("**the whole filter**", whole, in_words(whole, 1)))
    lines = [
        f"## {title}\n",
        f"The accepted rows ({base['rows']} in each training set): {tables.score(base)}.\n",
        *tables.table(
            "rule | removed | random instead | gain | p | all left in | gain over all | in words", rows
        ),
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, entry: Mapping[str, Any], words: str) -> list[str]:
    cells = ["–"] * 5
    if "gain" in entry:
        without, gain = entry["without_rule"], entry["gain"]
        cells = [
            tables.score(entry["random_subset"]),
            tables.gain(gain),
            f"{gain.get('p_adjusted', gain['p_value']):.3f}",
            f"{tables.score(without)}, {without['rows']} rows",
            tables.gain(entry["gain_over_all"]),
        ]
    return [name, str(entry["removed"]), *cells, words]


def in_words(entry: Mapping[str, Any], compared: int) -> str:
    """Return what an entry shows; of `compared` rules some may seem to gain by chance."""
    if "gain" not in entry:
        return str(entry["note"])
    gain = entry["gain"]
    if gain.get("p_adjusted", gain["p_value"]) < _SIGNIFICANT:
        if gain["accuracy"] > 0:
            return "pays: better than removing as many at random"
        return "costs: its rows were worth more than the others"
    if gain["p_value"] < _SIGNIFICANT:
        verb = "pay" if gain["accuracy"] > 0 else "cost"
        return f"may {verb}: unsure, as one of {compared} rules compared"
    low, high = 100 * gain["ci_low"], 100 * gain["ci_high"]
    return f"like chance: any difference lies within {low:+.1f} and {high:+.1f} points"
