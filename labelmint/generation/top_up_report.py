"""The stage's metrics: what each round brought, and why a label is short."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from labelmint.core.params import TopUp
from labelmint.generation.top_up_plan import Counts

_RULES = 3  # named in a reason


def report(
    wanted: Mapping[str, int], counts: Sequence[Counts], given_up: Collection[str], config: TopUp
) -> dict[str, Any]:
    """Return the metrics; `counts` are of `generate`'s candidates and then after each round."""
    rounds = [
        {
            "candidates": {name: each.new_written[name] for name in wanted},
            "accepted": {name: each.accepted[name] for name in wanted},
        }
        for each in counts
    ]
    written = [sum(each.new_written.values()) for each in counts]
    short = {
        name: _short(name, wanted[name], counts, name in given_up, config)
        for name in wanted
        if counts[-1].accepted[name] < wanted[name]
    }
    return {
        "max_candidates": config.max_candidates,
        "candidates": sum(written),
        "added": sum(written[1:]),
        "missing": sum(each["missing"] for each in short.values()),
        "wanted": dict(wanted),
        # The first are the candidates of `generate`; accepted are those of all rounds up to this one.
        "rounds": rounds,
        "short": short,
    }


def _short(name: str, wanted: int, counts: Sequence[Counts], given_up: bool, config: TopUp) -> dict[str, Any]:
    last = counts[-1]
    rejected = dict(last.rejected.get(name, {}))
    relabelled = last.written[name] - last.own[name] - sum(rejected.values())
    if relabelled:
        rejected["relabelled"] = relabelled
    rejected = dict(sorted(rejected.items(), key=lambda item: (-item[1], item[0])))
    if given_up:
        why = "the last two rounds that asked for it brought no accepted row"
    elif len(counts) > config.max_rounds:
        why = f"top_up.max_rounds={config.max_rounds} are over"
    else:
        why = f"top_up.max_candidates={config.max_candidates} allow no further wave"
    said = ", ".join(f"{number} {rule}" for rule, number in list(rejected.items())[:_RULES])
    return {
        "wanted": wanted,
        "accepted": last.accepted[name],
        "missing": wanted - last.accepted[name],
        "candidates": last.written[name],
        "reason": f"{why}; of {last.written[name]} candidates written for it: {said or 'none rejected'}",
        "rejected": rejected,
    }
