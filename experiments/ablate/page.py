"""docs/ablate.md: the table of rules, each with what it says in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_SURE = 0.05  # of the corrected p-value

_HEAD = """\
# What each rule of the filter bought

Written by `python -m ablate` from the last run; run it again with `make ablate`. Every number is in
`metrics/ablate.json`.

"""
_HOW = """\
## How to read it

*Gain*: accuracy of training on the accepted rows, less that of training on what is left when, of these and
the rule's rows together, **as many are removed at random**. A rule that picks its rows no better than chance
gains nothing by this measure. The 95 % interval covers the scored rows and the luck of one choice of rows
(how far single random removals lie apart); p is corrected for the number of rules (Holm). *All left in*:
training on all of these rows, hence on more of them; *gain over all* is what the rule gained or cost as it
stands, with fewer rows to train on.

A row counts for the first rule that it broke. It is given the label that it would have been kept with: the
one that it was judged to have where the filter relabels, else the one that it was written for. The whole
filter is compared with all finished texts, labelled as they were written, so that relabelling is a part of
what it gains. In every training set the labels are in the run's shares.

What it can't tell: how another run's texts would fare, or another draw of real rows, or another classifier
than a linear head on the frozen encoder. Rules against leaks and copies are there for honesty and licences,
whatever they gain.
"""


def page(found: Mapping[str, Any]) -> str:
    """Return docs/ablate.md."""
    scored = found["scored_on"]
    where = "held-back real rows (no test rows)" if scored["source"] == "pool" else "real training rows"
    head = (
        f"{_HEAD}Task `{found['task']}`, {found['candidates']} candidates. Accuracy in per cent on "
        f"{scored['rows']} {where}; mean of {len(found['seeds'])} students, and of {found['draws']} times as "
        "many with random rows removed.\n"
    )
    if scored["note"]:
        head += f"\nNote: {scored['note']}.\n"
    parts = [head, _section("Synthetic rows alone", found)]
    mixed = found["mixed"]
    if mixed["real_rows"]:
        parts.append(_section(f"With {mixed['real_rows']} real rows besides", mixed))
    return "\n".join([*parts, _HOW])


def _section(title: str, found: Mapping[str, Any]) -> str:
    base = found["base"]
    lines = [
        f"## {title}\n",
        f"The accepted rows ({base['rows']} in each training set): {_score(base)}.\n",
        "| rule | removed | random instead | gain | p | all left in | gain over all | in words |",
        "|---|---|---|---|---|---|---|---|",
    ]
    judged = sum("gain" in entry for entry in found["rules"])
    lines += [_line(f"`{entry['rule']}`", entry, reading(entry, judged)) for entry in found["rules"]]
    whole = found["filter"]
    lines.append(_line("**the whole filter**", whole, reading(whole, 1)))
    return "\n".join(lines) + "\n"


def _line(name: str, entry: Mapping[str, Any], said: str) -> str:
    cells: Sequence[str] = ["–"] * 5
    if "gain" in entry:
        without, gain = entry["without_rule"], entry["gain"]
        p = gain.get("p_adjusted", gain["p_value"])
        all_rows = f"{_score(without)}, {without['rows']} rows"
        cells = [_score(entry["random_subset"]), _gain(gain), f"{p:.3f}", all_rows]
        cells = [*cells, _gain(entry["gain_over_all"])]
    return f"| {' | '.join([name, str(entry['removed']), *cells, said])} |"


def reading(entry: Mapping[str, Any], judged: int) -> str:
    """Say in plain words what an entry shows.

    Parameters
    ----------
    judged : int
        How many rules were looked at, and may seem to gain by chance.
    """
    if "gain" not in entry:
        return str(entry["note"])
    gain = entry["gain"]
    if gain.get("p_adjusted", gain["p_value"]) < _SURE:
        return (
            "pays: better than removing as many at random"
            if gain["accuracy"] > 0
            else "costs: its rows were worth more than the others"
        )
    if gain["p_value"] < _SURE:
        way = "pay" if gain["accuracy"] > 0 else "cost"
        return f"may {way}: unsure, as one of {judged} rules looked at"
    low, high = 100 * gain["ci_low"], 100 * gain["ci_high"]
    return f"like chance: any difference lies within {low:+.1f} and {high:+.1f} points"


def _score(entry: Mapping[str, Any]) -> str:
    score = entry["accuracy"]
    return f"{100 * score['mean']:.1f} ({100 * score['ci_low']:.1f}–{100 * score['ci_high']:.1f})"


def _gain(gain: Mapping[str, float]) -> str:
    return f"{100 * gain['accuracy']:+.1f} ({100 * gain['ci_low']:+.1f} to {100 * gain['ci_high']:+.1f})"
