"""Does `labelmint tune` find settings that give better students? `python -m experiments.tuning [TASK …]`.

Runs the race of `labelmint tune` on each task, and trains a linear head on what the settings have written
after its second and after its last round, equally many candidates each. The heads are scored on test rows, by
which nothing was chosen. Writes metrics/tuning.json and from it docs/explanation/tuning_measured.md
(`--page`: the page alone). Texts and label scores are in the cache: a stopped run resumes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from experiments import tables
from experiments.engine import PLAIN, REAL, Task, load_task, predict
from experiments.methods.rows import SEEDS, draw
from experiments.sources import MPNET, task_params
from labelmint.core import paths
from labelmint.core.arrays import Floats
from labelmint.core.errors import DataError, run_command
from labelmint.core.records import Kept, read_json, write_json
from labelmint.encoder.vectors import Vectors, embed_rows
from labelmint.llm import open_model
from labelmint.rules.apply import filter_candidates
from labelmint.rules.filtering import Filtering, scorable
from labelmint.students.base import Setting as StudentSetting
from labelmint.students.base import Student
from labelmint.students.registry import open_student
from labelmint.tune.race import Round, run_race
from labelmint.tune.score import Outcome
from labelmint.tune.settings import settings_to_try

TASKS = ["rotten_tomatoes", "tweets", "bbc_news"]
TRIED = 960  # texts that a race writes; the last two settings then have 280 each
RESULT = paths.METRICS / "tuning.json"
PAGE = Path("docs/explanation/tuning_measured.md")


def main(*, tasks: Sequence[str] = (), page_only: bool = False) -> None:
    """Add the tasks whose results are missing, and write the page."""
    results = read_json(RESULT) or {}
    for name in () if page_only else tasks or TASKS:
        if name not in results:
            print(f"tuning: {name}", file=sys.stderr)
            results[name] = run(name)
            write_json(RESULT, results)
    tables.write_page(PAGE, page, RESULT, "python -m experiments.tuning")


def run(name: str) -> dict[str, Any]:
    """Return a task's race and the scores of the students."""
    params = task_params(name, MPNET).changed({"train.seeds": SEEDS})
    task = load_task(params)
    with open_model(params.llm) as model:
        settings, left_out = settings_to_try(task, model)
        if len(settings) < 2:
            reason = next(iter(left_out.values()), "all changes give the same texts")
            raise DataError(f"tuning: {name}: there is nothing to compare: {reason}")
        rounds = run_race(task, model, settings, TRIED)
    current, best = rounds[-1].values()
    low, high = best.gain_interval(current)
    return {
        "race": [{name: shown(outcome) for name, outcome in one.items()} for one in rounds],
        "gain": {"score": best.score - current.score, "ci_low": low, "ci_high": high},
        "students": students(task, rounds),
    }


def students(task: Task, rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """Return for each round but the first the students of all that its settings have written by then."""
    config, scores = task.params.train, dict[str, Floats]()
    lists: list[Sequence[Any]] = [task.train, task.test]
    for outcomes in rounds:
        # In the order of the race, by which the cache knows their vectors.
        together = [row for outcome in outcomes.values() for row in outcome.rows]
        lists.append(scorable(task.params.filter, together))
        for outcome in outcomes.values():
            scores |= outcome.label_scores
    embed = Vectors(partial(embed_rows, config), *lists).of
    student = open_student(config.student, StudentSetting(task.params, task.card))
    for rows in lists:
        student.prepare(rows)
    results = []
    for number in range(2, len(rounds) + 1):
        written = {
            name: [row for outcomes in rounds[:number] for row in outcomes[name].rows]
            for name in rounds[number - 1]
        }
        kept = {
            name: filter_candidates(Filtering(task, rows, scores, embed)).kept
            for name, rows in written.items()
        }
        candidates = len(next(iter(written.values())))  # of each setting
        results.append({"candidates": candidates, "settings": _scored(task, student, kept)})
    return results


def _scored(task: Task, student: Student, kept: dict[str, list[Kept]]) -> dict[str, Any]:
    """Return the scores with each setting's kept rows; gains are over the first, the current one's."""
    arms = {}
    for name in kept:
        drawn = draw(task, kept[name])
        arms[name] = predict(task, student, name, drawn[PLAIN])
    alone = predict(task, student, REAL, drawn[REAL])
    counts = {name: {"kept": len(rows)} for name, rows in kept.items()}
    scored = task.scored({REAL: alone, **arms}, plain=next(iter(kept)))
    return {name: counts.get(name, {}) | entry for name, entry in scored.items()}


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
        "score": round(outcome.score, 3),
        "texts_per_minute": round(outcome.texts_per_minute),
    }


HEAD = f"""\
# Does tuning the prompt give better students?

Written by `python -m experiments.tuning --page` from `metrics/tuning.json`; `python -m experiments.tuning`
runs it. `labelmint tune` ([how to](../howto/tune.md)) spent {TRIED} texts on each task.

## Students

After the second and after the last round, what each remaining setting had written by then was filtered and
relabelled as always, and a linear head on {MPNET} was trained on the real rows and 80 % of the kept
ones, with {len(SEEDS)} seeds. Accuracy in per cent on test rows, by which nothing was chosen; differences to
the settings of params.yaml in points, paired, with 95 % intervals. *Score*: that of tune in the round.

Expected was that settings of a higher score give a better student.
"""


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return docs/explanation/tuning_measured.md."""
    students = chain.from_iterable(_students(*item) for item in results.items())
    races = chain.from_iterable(_race(name, result["race"]) for name, result in results.items())
    lines = [
        HEAD,
        f"{_finding(results)}\n",
        *tables.table(
            "task | candidates | setting | score | kept | accuracy | against params.yaml", students
        ),
        "\n## What tune saw\n",
        "Each setting's last round; the settings of a round wrote equally many texts.\n",
        *tables.table("task | setting | texts | AUC | agreed | accepted | both | score | texts/min", races),
    ]
    for name, result in results.items():
        gain = result["gain"]
        lines.append(
            f"\n{name}: the best change against params.yaml in the last round: {gain['score']:+.2f} "
            f"({gain['ci_low']:+.2f} to {gain['ci_high']:+.2f})."
        )
    return "\n".join(lines) + "\n"


def _finding(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return in how many comparisons a change to the settings gained or lost."""
    rounds = [of["settings"] for result in results.values() for of in result["students"]]
    gains = [entry["gain"] for of in rounds for name, entry in of.items() if name != REAL and entry["gain"]]
    better, worse = sum(gain["ci_low"] > 0 for gain in gains), sum(gain["ci_high"] < 0 for gain in gains)
    beat = [name for name, result in results.items() if result["gain"]["ci_low"] > 0]
    return (
        f"So far: of {len(gains)} comparisons a change was better by more than noise in {better}, and worse "
        f"in {worse}. Tune itself found a change that beats params.yaml by more than noise on "
        f"{', '.join(beat) or 'no task'} (of {', '.join(results)}). With so few texts, differences below two "
        "points of accuracy, or a tenth of the score, can't be seen."
    )


def _students(name: str, result: Mapping[str, Any]) -> Iterator[list[Any]]:
    for of, outcomes in zip(result["students"], result["race"][1:], strict=True):
        current = next(iter(outcomes))
        for setting, entry in of["settings"].items():
            if setting == REAL:
                first, score = f"{entry['train_rows']} real rows alone", "–"
            else:
                first, score = setting, outcomes[setting]["score"]
            gain = tables.gain(entry["gain"]) if setting != current else "–"
            kept = entry.get("kept", "–")
            yield [name, of["candidates"], first, score, kept, tables.score(entry), gain]


def _race(name: str, rounds: Sequence[Mapping[str, Any]]) -> Iterator[list[Any]]:
    for setting, of in sorted(_last(rounds).items(), key=lambda item: (-item[1]["texts"], -item[1]["score"])):
        auc = f"{of['auc']:.2f} ({of['auc_low']:.2f}–{of['auc_high']:.2f})"
        shares = [f"{of[key]:.0%}" for key in ("agreed", "accepted", "both")]
        yield [
            name,
            setting,
            of["texts"],
            auc,
            *shares,
            f"{of['score']:.2f}",
            f"{of['texts_per_minute']:.0f}",
        ]


def _last(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return each setting's numbers in the last round that it was in."""
    return {setting: of for one in rounds for setting, of in one.items()}


if __name__ == "__main__":
    run_command(tables.parser("tuning", main, TASKS), "tuning", main)
