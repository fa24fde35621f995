"""Say what came of a run, on one page.

Reads the metrics of all stages, the synthetic rows with their prompts, and the real training rows; never the
test labels. Writes metrics/report.html, which works offline, and metrics/report.md for pull requests.
Run alone: `python -m stages.report`, or `make report`.
"""

from __future__ import annotations

from typing import Any

from labelmint.core import paths
from labelmint.core.errors import run_stage
from labelmint.core.params import Params, load_params
from labelmint.core.records import atomic_file
from labelmint.report import arms, charts, funnel, values
from labelmint.report.about import cost, provenance
from labelmint.report.page import page, summary
from labelmint.report.read import Inputs, check_for_rows, read_inputs
from labelmint.report.rows import browser
from labelmint.report.verdict import verdict
from labelmint.tasks.cards import TaskCard, load_card

# Rows of the browser and of the list of hardest rows.
_ROWS, _HARDEST = 5000, 30


def main() -> None:
    """Write metrics/report.html and metrics/report.md."""
    check_for_rows()
    params = load_params()
    content = contents(params, load_card(params.task), read_inputs())
    for name, text in (("report.md", summary(content)), ("report.html", page(content))):
        with atomic_file(paths.METRICS / name) as file:
            file.write(text)


def contents(params: Params, card: TaskCard, inputs: Inputs) -> dict[str, Any]:
    """Return all that the templates show; None or empty where a stage's numbers are missing."""
    names = card.label_names
    scored = arms.scored(inputs)
    return {
        "task": params.task,
        "card": card,
        "test_rows": inputs.evaluate.get("test_rows", 0),
        "verdict": verdict(inputs),
        "arms": scored,
        "gains": arms.gains(inputs),
        "equivalences": arms.equivalences(inputs),
        "charts": _charts(inputs, scored),
        "funnel": funnel.funnel(inputs, names),
        "rows": browser(inputs, names, list(funnel.meanings()), _ROWS),
        "means": funnel.meanings(),
        "prompts": funnel.example_prompts(inputs),
        "described": _described(inputs),
        "ablation": inputs.ablate if inputs.ablate.get("rules") else None,
        "ablated": arms.ablated(inputs),
        "confusion": arms.confusion(inputs, names),
        "slices": arms.slices(inputs),
        "main_arm": inputs.evaluate.get("main_arm", ""),
        "main_arms": arms.main_arms(inputs),
        "hardest": inputs.hardest[:_HARDEST],
        "subjectivity": inputs.evaluate.get("subjectivity"),
        "cost": cost(inputs),
        "provenance": provenance(params),
    }


def _described(inputs: Inputs) -> dict[str, Any] | None:
    found = inputs.describe
    if not found.get("sets"):
        return None
    near = found.get("fidelity")
    return {
        "sets": values.side_by_side(found["sets"]),
        "fidelity": values.side_by_side(values.by_set(near, list(found["sets"]))) if near else None,
        "sample": found.get("sample"),
        "notes": found.get("notes"),
    }


def _charts(inputs: Inputs, scored: list[dict[str, Any]]) -> dict[str, Any]:
    """Draw the charts that there is something to draw for."""
    drawn: dict[str, Any] = dict.fromkeys(("arms", "curve", "ablation", "reliability", "lengths"))
    with_scores = [entry for entry in scored if entry["accuracy"]]
    if with_scores:
        drawn["arms"] = charts.arms_chart(with_scores)
    curve = arms.curve(inputs)
    if curve:
        main = arms.main_arm(inputs)
        worth = next((entry for entry in arms.equivalences(inputs) if entry["name"] == main["name"]), None)
        drawn["curve"] = charts.curve_chart(curve, main["accuracy"], worth)
    ablated = [rule for rule in arms.ablated(inputs) if rule.get("gain")]
    if ablated:
        drawn["ablation"] = charts.ablation_chart(ablated)
    bins, lengths = inputs.describe.get("length_bins"), values.histograms(inputs.describe)
    if bins and lengths:
        drawn["lengths"] = charts.lengths_chart(bins, lengths)
    reliability = arms.reliability(inputs)
    if reliability:
        drawn["reliability"] = charts.reliability_chart(reliability)
    return drawn


if __name__ == "__main__":
    run_stage("report", main)
