"""Write candidates after prompts that show chosen rows, and compare them with those after random ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from experiments.engine import PLAIN, REAL, Task, keep, predict, write
from experiments.methods.rows import ROWS, compared, draw, listed
from labelmint.core.records import Candidate, Labelled
from labelmint.generation.plan import Planned
from labelmint.generation.session import Session
from labelmint.llm.base import LanguageModel
from labelmint.students.base import Setting
from labelmint.students.encoder import LinearHead
from labelmint.tasks.balance import class_balance

AGAIN = "plain again"  # as many candidates after random rows, by other prompts

Choose = Callable[[int, str], Sequence[Labelled]]  # by prompt number and label, the rows to draw from
Sets = Mapping[str, Sequence[Candidate]]


def write_showing(task: Task, model: LanguageModel, choose: Choose, first: int = 0) -> list[Candidate]:
    """Write the candidates from prompt number `first` on, each prompt showing rows that `choose` gives.

    Labels, seeds and all else are those of the plain prompts.
    """
    session = Session(task, model)
    planner, chosen = session.planner, list[Planned]()
    real = planner.context
    for number, plain in enumerate([*chain(*session.waves())][first:], first):
        label, method = plain.prompt["label"], plain.prompt["method"]
        planner.context = replace(real, rows={**real.rows, label: choose(number, label)})
        chosen.append(planner.prompt(number, label, method))
    return session.write(planner.waves(chosen), f"{task.params.task} chosen rows")[0]


def smaller_task(task: Task) -> Task:
    """Return the task with a third of the candidates, and with all that pass kept, whatever their labels.

    Cut to the shares, few tweets would be left: hardly any text is accepted as positive. Where a label
    is rare, fewer texts come of a prompt, so that there is one for it.
    """
    params, card = task.params, task.card
    candidates = params.generate.candidates // 3
    rarest = min(class_balance(params.class_balance, card, task.train).values())
    return task.changed(
        {
            "generate.candidates": candidates,
            "generate.samples_per_prompt": min(params.generate.samples_per_prompt, int(candidates * rarest)),
            "filter.disabled_rules": [*params.filter.disabled_rules, "surplus"],
        }
    )


def plain_sets(whole: Task, task: Task, model: LanguageModel) -> dict[str, list[Candidate]]:
    """Return two sets of plain candidates, by other prompts: how much they differ is chance."""
    count = len(write(task, model))
    samples = task.params.generate.samples_per_prompt
    candidates = write(whole.changed({"generate.samples_per_prompt": samples}), model)
    return {PLAIN: candidates[:count], AGAIN: candidates[count : 2 * count]}


def compare(task: Task, sets: Sets, model: LanguageModel) -> dict[str, Any]:
    """Return by the rows of `ROWS` the score of each set of candidates, and its gain over the plain one."""
    student = LinearHead(Setting(task.params, task.card))
    results: dict[str, Any] = {}
    for rows, action in ROWS.items():
        kept = {name: keep(task, candidates, action, model) for name, candidates in sets.items()}
        drawn = {name: draw(task, made) for name, made in kept.items()}
        predicted = {REAL: predict(task, student, REAL, drawn[PLAIN][REAL])}
        for name, sets_of_name in drawn.items():
            predicted[name] = predict(task, student, name, sets_of_name[PLAIN])
        results[rows] = task.scored(predicted)
        for name, made in kept.items():
            right = [row["label"] == row["judged_label"] for row in made]
            results[rows][name] |= {"kept": len(made), "as_asked": round(sum(right) / len(right), 4)}
    return results


def lines(results: Sequence[Mapping[str, Any]], part: str) -> list[str]:
    """Return a part's table."""
    sets = [{"task": result["task"], **result[part]} for result in results]
    return compared("task | rows | shown", listed(sets, "sets"), "rows kept | label kept", _kept)


def _kept(entry: Mapping[str, Any]) -> list[str]:
    return [str(entry["kept"]), f"{100 * entry['as_asked']:.0f} %"] if "kept" in entry else ["–", "–"]
