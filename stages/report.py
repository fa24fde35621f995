"""Say what came of a run, on one page.

Reads the metrics of all stages, the synthetic rows with their prompts, the labelled texts, and the real
training rows; never the test labels. Writes metrics/report.html, which works offline, and metrics/report.md
for pull requests.
Run alone: `python -m stages.report`, or `make report`.
"""

from __future__ import annotations

import sys
from typing import Any

from labelmint.core import paths
from labelmint.core.errors import run_stage
from labelmint.core.files import write_text
from labelmint.core.lock import LOCK
from labelmint.core.params import Params, load_params
from labelmint.report import arms, charts, funnel, values
from labelmint.report.about import cost, provenance
from labelmint.report.page import page, summary
from labelmint.report.read import Inputs, check_for_rows, check_one_run, read_inputs
from labelmint.report.rows import browser
from labelmint.report.verdict import verdict
from labelmint.tasks.cards import TaskCard, load_card

# Rows of the browser and of the list of hardest rows.
_ROWS, _HARDEST = 5000, 30


def main() -> None:
    """Write metrics/report.html and metrics/report.md."""
    check_for_rows()
    params, inputs = load_params(), read_inputs()
    if not check_one_run(params, inputs.evaluate):
        what = f"{paths.EVALUATION} is not what {LOCK} records"
        print(f"report: note: {what}, so nothing shows that the results are of one run", file=sys.stderr)
    content = contents(params, load_card(params.task), inputs)
    for name, text in (("report.md", summary(content)), ("report.html", page(content))):
        write_text(paths.METRICS / name, text)


def contents(params: Params, card: TaskCard, inputs: Inputs) -> dict[str, Any]:
    """Return all that the templates show; None or empty where a stage's numbers are missing."""
    names = card.label_names
    return {
        "task": params.task,
        "card": card,
        "test_rows": inputs.evaluate.get("test_rows", 0),
        "metric": arms.METRIC_NAMES.get(inputs.evaluate.get("metric", ""), "score"),
        "verdict": verdict(inputs),
        "arms": arms.scored(inputs),
        "main": inputs.evaluate.get("arms", {}).get(inputs.evaluate.get("main_arm"), {}),
        "main_arm": inputs.evaluate.get("main_arm", ""),
        "main_arms": arms.main_arms(inputs),
        "gains": arms.gains(inputs),
        "equivalences": arms.equivalences(inputs),
        "sources": arms.sources(inputs),
        "speeds": arms.speeds(inputs),
        "weights": arms.weights(inputs),
        "scorers": arms.scorers(inputs),
        "charts": _charts(inputs),
        "funnel": funnel.funnel(inputs, names),
        "labelled": inputs.label if inputs.label.get("texts") else None,
        "rows": browser(inputs, names, list(funnel.MEANINGS), _ROWS),
        "means": funnel.MEANINGS,
        "prompts": funnel.example_prompts(inputs),
        "described": _described(inputs),
        "confusion": arms.confusion(inputs, names),
        "slices": arms.slices(inputs),
        "hardest": inputs.hardest[:_HARDEST],
        "subjectivity": inputs.evaluate.get("subjectivity"),
        "cost": cost(inputs),
        "provenance": provenance(params),
    }


def _described(inputs: Inputs) -> dict[str, Any] | None:
    metrics = inputs.describe
    if not metrics.get("sets"):
        return None
    near = metrics.get("fidelity")
    return {
        "sets": values.side_by_side(metrics["sets"]),
        "fidelity": values.side_by_side(values.by_set(near, list(metrics["sets"]))) if near else None,
        "sample": metrics.get("sample"),
        "notes": metrics.get("notes"),
    }


def _charts(inputs: Inputs) -> dict[str, Any]:
    """Draw the charts that there is something to draw for."""
    drawn: dict[str, Any] = {}
    metric = arms.METRIC_NAMES.get(inputs.evaluate.get("metric", ""), "")
    with_scores = [entry for entry in arms.scored(inputs) if entry["score"]]
    if with_scores:
        drawn["arms"] = charts.arms_chart(with_scores, metric)
        main = arms.main_arm(inputs)
        worth = next((entry for entry in arms.equivalences(inputs) if entry["name"] == main["name"]), None)
        drawn["curve"] = charts.curve_chart(arms.curve(inputs), main["score"], worth, metric)
    speeds, escalation = arms.speeds(inputs), arms.escalation(inputs)
    if speeds:
        drawn["speed"] = charts.speed_chart(speeds, metric)
    if escalation:
        drawn["escalation"] = charts.escalation_chart(escalation, metric)
    bins, lengths = inputs.describe.get("length_bins"), values.histograms(inputs.describe)
    if bins and lengths:
        drawn["lengths"] = charts.lengths_chart(bins, lengths)
    reliability = arms.reliability(inputs)
    if reliability:
        drawn["reliability"] = charts.reliability_chart(reliability)
    return drawn


if __name__ == "__main__":
    run_stage("report", main)
