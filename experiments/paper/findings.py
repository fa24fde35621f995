"""Which findings of Li et al. (2024) the results support; computed, so that the text can't go stale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from experiments.paper.grid import METHODS, PAPER_TASKS, REAL_ROWS, TEXT_FIRST

Result = Mapping[str, Any]

AGREES, DISAGREES, OPEN = "agrees", "doesn't agree", "can't be told"
# Of so few tasks, a rank correlation is always compatible with none (5 % level).
_LEAST_TASKS = 5

_HEAD = f"""\
## The paper's findings

A case is a task, a student and a prompt method. It is *for* a finding if the difference that the finding is
about has the right sign and its 95 % interval leaves out 0, and *against* it if the sign is wrong likewise.
More than half of the cases for it: *{AGREES}*; more than half against it: *{DISAGREES}*; otherwise:
*{OPEN}*. Verdicts go by accuracy. Students learn from the same texts, so cases aren't independent.
"""


@dataclass(frozen=True)
class Finding:
    """A finding of the paper, and the differences that show it: by the name in the results, and by method."""

    text: str
    difference: str
    methods: Sequence[str] | None = None  # None: all that write for a given label


FINDINGS = [
    Finding("Mix real rows with the synthetic ones: that is better than synthetic rows alone", "mixing"),
    Finding(
        "Synthetic rows help where real rows are few (the paper: +3 to +26 % at 100 real rows)",
        "gain_few",
    ),
    Finding("They help less where real rows are many (the paper: under 5 % at 1,000)", "scarcity"),
    Finding(
        "More diverse prompts: naming topics is better than zero-shot alone",
        "over_zero_shot",
        ["zero_shot_topic"],
    ),
    Finding(
        "Examples in the prompt: one-shot and few-shot are better than zero-shot",
        "over_zero_shot",
        ["one_shot", "few_shot"],
    ),
    Finding(
        "Condition on the label: write a text for a given label, don't parse the label from the answer "
        "(compared without real rows, from as many candidates)",
        "over_text_first",
    ),
]


def findings(results: Sequence[Result]) -> str:
    """Return the page's section that goes through the paper's findings."""
    paper = sum(result["task"] in PAPER_TASKS for result in results)
    measured = f"They rest on {len(results)} tasks, of which {paper} are of the paper's {len(PAPER_TASKS)}.\n"
    lines = [_HEAD + measured, "| finding | verdict | accuracy | macro-F1 |", "|---|---|---|---|"]
    for finding in FINDINGS:
        verdict, accuracy = _counted(results, finding, "accuracy")
        lines.append(
            f"| {finding.text} | **{verdict}** | {accuracy} | {_counted(results, finding, 'macro_f1')[1]} |"
        )
    lines.append(_llm(results))
    return "\n".join([*lines, "", _relative(results), ""])


def _cases(results: Sequence[Result], finding: Finding, metric: str) -> Iterator[Mapping[str, float]]:
    for result in results:
        for student in result["students"].values():
            yield from _differences(student, finding.difference, metric, finding.methods)


def _differences(
    student: Mapping[str, Any], name: str, metric: str = "accuracy", methods: Sequence[str] | None = None
) -> list[Mapping[str, float]]:
    """Return a difference by these methods; none if it was not measured."""
    wanted = methods or [method for method in METHODS if method != TEXT_FIRST]
    measured = student["differences"][metric].get(name, {})
    return [measured[method] for method in wanted if method in measured]


def _counted(results: Sequence[Result], finding: Finding, metric: str) -> tuple[str, str]:
    """Return the verdict, and the numbers behind it."""
    cases = list(_cases(results, finding, metric))
    if not cases:
        return OPEN, "no case"
    wins, losses = sum(case["ci_low"] > 0 for case in cases), sum(case["ci_high"] < 0 for case in cases)
    verdict = AGREES if wins > len(cases) / 2 else DISAGREES if losses > len(cases) / 2 else OPEN
    mean = 100 * float(np.mean([case[metric] for case in cases]))
    return verdict, f"{wins} for, {losses} against, of {len(cases)}; mean {mean:+.1f} points"


def _mean_gain(result: Result) -> float:
    gains = [
        difference["accuracy"]
        for student in result["students"].values()
        for difference in _differences(student, "gain_few")
    ]
    return float(np.mean(gains))


def _llm(results: Sequence[Result]) -> str:
    """Return the row on the language model's accuracy, which doesn't predict what its texts are worth."""
    pairs = [(result["llm_zero_shot"]["accuracy"]["mean"], _mean_gain(result)) for result in results]
    shown = "; ".join(
        f"{result['task']} {100 * accuracy:.1f}, gain {100 * gain:+.1f}"
        for result, (accuracy, gain) in zip(results, pairs, strict=True)
    )
    verdict = OPEN
    if len(pairs) >= _LEAST_TASKS:
        test = spearmanr(*zip(*pairs, strict=True))
        # Of a dozen tasks or fewer, no correlation that is sure is no sign that there is none.
        verdict = DISAGREES if test.pvalue < 0.05 else OPEN
        shown += f"; rank correlation {test.statistic:+.2f} (p = {test.pvalue:.2f})"
    else:
        shown += f"; too few tasks ({len(pairs)})"
    text = "The LLM's own accuracy on a task doesn't predict what its texts are worth there"
    return f"| {text} | **{verdict}** | {shown} | |"


def _relative(results: Sequence[Result]) -> str:
    """Return the gains as the paper gives them: in per cent of the score of the real rows alone."""
    lines = []
    for size, key in zip(REAL_ROWS, ("gain_few", "gain_many"), strict=True):
        gains = [
            100 * difference["accuracy"] / student["arms"][f"real_{size}"]["accuracy"]["mean"]
            for result in results
            for student in result["students"].values()
            for difference in _differences(student, key)
        ]
        lines.append(
            f"at {size} real rows {min(gains):+.1f} to {max(gains):+.1f} % "
            f"(median {float(np.median(gains)):+.1f} %)"
        )
    return f"Relative to the accuracy of the real rows alone, synthetic rows change it {', '.join(lines)}."
