"""Does `labelmint tune` choose settings that give better students? `python -m experiments.tuning [TASK …]`.

Runs the race of `labelmint tune` on each task, and then writes a whole set of candidates by the current
settings, by the best change to them, and by the change that scored lowest in the first round. A linear head
is trained on each set and scored on test rows, by which nothing was chosen. Writes metrics/tuning.json and
from it docs/explanation/tuning_measured.md (`--page`: the page alone). Texts and label scores are in the
cache: a stopped run resumes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments import tables
from experiments.methods.rows import REAL, SEEDS, MethodTask
from experiments.sources import MPNET, task_params
from experiments.study.grid import Task, load_task
from experiments.study.run import keep, write
from labelmint.core import paths
from labelmint.core.errors import DataError, run_command
from labelmint.core.records import Kept, atomic_file, write_json
from labelmint.llm import open_model
from labelmint.scoring.bootstrap import Bootstrap
from labelmint.students.base import Setting as StudentSetting
from labelmint.students.registry import open_student
from labelmint.tune.race import Round, run_race
from labelmint.tune.score import Outcome
from labelmint.tune.settings import Setting, settings_to_try

TASKS = ["rotten_tomatoes", "tweets", "bbc_news"]
TRIED, CANDIDATES = 960, 576  # texts that the race writes; and each of the compared settings
CURRENT, BEST, LOWEST = "current", "best change", "lowest in round 1"
RESULT = paths.METRICS / "tuning.json"
PAGE = Path("docs/explanation/tuning_measured.md")


def main(*, tasks: Sequence[str] = (), page_only: bool = False) -> None:
    """Add the tasks whose results are missing, and write the page."""
    results = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    for name in () if page_only else tasks or TASKS:
        if name not in results:
            print(f"tuning: {name}", file=sys.stderr)
            results[name] = run(name)
            write_json(RESULT, results)
    if not results:
        raise DataError(f"{RESULT}: no results; run `python -m experiments.tuning`")
    with atomic_file(PAGE) as file:
        file.write(page(results))


def run(name: str) -> dict[str, Any]:
    """Return a task's race and the scores of the students."""
    params = task_params(name, MPNET)
    train = params.train.model_copy(update={"seeds": SEEDS})
    generate = params.generate.model_copy(update={"candidates": CANDIDATES})
    params = params.model_copy(update={"train": train, "generate": generate})
    task = load_task(params)
    with open_model(params.llm) as model:
        settings, _ = settings_to_try(params, task.card, task.rows.train, model)
        rounds = run_race(params, task.card, task.rows.train, model, settings, TRIED)
    compared = choose(settings, rounds)
    kept: dict[str, list[Kept]] = {}
    for role, setting in compared.items():
        with open_model(params.llm) as model:
            candidates, _ = write(_with(task, setting), model)
            kept[role] = keep(task, candidates, params.labelling.action, model)
    evaluate, labels = params.evaluate, len(task.card.label_names)
    bootstrap = Bootstrap(task.truth, labels, evaluate.bootstrap_samples, evaluate.seed)
    current, best = (rounds[-1][compared[role].name] for role in (CURRENT, BEST))
    low, high = best.gain_interval(current)
    return {
        "race": [{each: shown(outcome) for each, outcome in one.items()} for one in rounds],
        "gain": {"score": best.score - current.score, "ci_low": low, "ci_high": high},
        "settings": {role: setting.name for role, setting in compared.items()},
        "kept": {role: len(rows) for role, rows in kept.items()},
        "students": students(MethodTask(task, kept, bootstrap)),
    }


def choose(settings: Sequence[Setting], rounds: Sequence[Round]) -> dict[str, Setting]:
    """Return the settings whose students are compared, by their roles."""
    by_name = {setting.name: setting for setting in settings}
    current, best = (by_name[name] for name in rounds[-1])
    first = {name: outcome for name, outcome in rounds[0].items() if name not in rounds[-1]}
    lowest = min(first, key=lambda name: first[name].score)
    return {CURRENT: current, BEST: best, LOWEST: by_name[lowest]}


def _with(task: Task, setting: Setting) -> Task:
    generate = task.params.generate.model_copy(update=setting.change)
    return replace(task, params=task.params.model_copy(update={"generate": generate}))


def students(task: MethodTask) -> dict[str, Any]:
    """Score students of real rows alone and with each setting's texts; gains are over the current ones."""
    student = open_student(task.task.params.train.student, StudentSetting(task.task.params, task.task.card))
    arms = {}
    for role in task.kept:
        drawn = task.drawn(role)[1]
        arms[role] = task.predict(student, role, [sets["plain"] for sets in drawn])
        arms.setdefault(REAL, task.predict(student, REAL, [sets[REAL] for sets in drawn]))
    student.close()
    return {role: task.entry(arm, arms[CURRENT]) for role, arm in arms.items()}


def shown(outcome: Outcome) -> dict[str, float]:
    """Return an outcome's numbers."""
    low, high = outcome.auc_interval()
    return {
        "texts": outcome.texts,
        "auc": round(outcome.auc, 4),
        "auc_low": round(low, 4),
        "auc_high": round(high, 4),
        "agreed": round(outcome.agreed, 4),
        "accepted": round(outcome.accepted, 4),
        "both": round(outcome.both, 4),
        "score": round(outcome.score, 4),
        "texts_per_minute": round(outcome.texts_per_minute),
    }


HEAD = f"""\
# Does tuning the prompt give better students?

Written by `python -m experiments.tuning --page` from `metrics/tuning.json`; `python -m experiments.tuning`
runs it. `labelmint tune` ([how to](../howto/tune.md)) spent {TRIED} texts on each task. Then three settings
wrote {CANDIDATES} candidates each: those of params.yaml, the change that came out best, and the one that
scored lowest in the first round. They were filtered and relabelled as always, and a linear head on {MPNET}
was trained on 100 real rows and 80 % of the kept ones, with {len(SEEDS)} seeds. Accuracy in per cent on test
rows, by which nothing was chosen; differences in points, paired, with 95 % intervals.
"""


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return docs/explanation/tuning_measured.md."""
    lines = [HEAD, "## Students\n"]
    lines += [
        "| task | settings | score, texts | kept | accuracy | against the current |",
        "|---|---|---|---|---|---|",
    ]
    for name, result in results.items():
        lines += _students(name, result)
    lines.append("\n## What tune saw\n")
    lines.append("Each setting's last round; the settings of a round wrote equally many texts.\n")
    lines += [
        "| task | setting | texts | AUC | agreed | accepted | both | score | texts/min |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, result in results.items():
        lines += _race(name, result["race"])
    return "\n".join(lines) + "\n"


def _students(name: str, result: Mapping[str, Any]) -> Iterator[str]:
    for role, entry in result["students"].items():
        setting, texts, kept = "100 real rows alone", "–", "–"
        if role != REAL:
            setting, kept = f"{role}: {result['settings'][role]}", result["kept"][role]
            of = _last(result["race"])[result["settings"][role]]
            texts = f"{of['score']:.2f}, {of['texts']}"
        gain = tables.gain(entry["gain"]) if entry["gain"] and role != CURRENT else "–"
        yield f"| {name} | {setting} | {texts} | {kept} | {tables.score(entry)} | {gain} |"


def _race(name: str, rounds: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for setting, of in sorted(_last(rounds).items(), key=lambda item: (-item[1]["texts"], -item[1]["score"])):
        auc = f"{of['auc']:.2f} ({of['auc_low']:.2f}–{of['auc_high']:.2f})"
        yield (
            f"| {name} | {setting} | {of['texts']} | {auc} | {of['agreed']:.0%} | {of['accepted']:.0%} | "
            f"{of['both']:.0%} | {of['score']:.2f} | {of['texts_per_minute']:.0f} |"
        )


def _last(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return each setting's numbers in the last round that it was in."""
    return {setting: of for one in rounds for setting, of in one.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m experiments.tuning", description=main.__doc__)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"of {', '.join(TASKS)}; all by default")
    parser.add_argument("--page", dest="page_only", action="store_true", help="only write the page")
    run_command(parser, "tuning", main)
