"""What is shown of two runs: scores, label equivalence, data, cost and the settings that changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labelmint.compare.differences import differences, score, verdict, why_unpaired
from labelmint.compare.runs import Run
from labelmint.core.errors import DataError
from labelmint.core.lock import outputs
from labelmint.report.arms import METRIC_NAMES
from labelmint.report.formats import (
    count,
    duration,
    interval,
    percent,
    points,
    points_interval,
    worth,
    worth_interval,
)
from labelmint.report.funnel import deciding_scorer

NONE = "–"
_LONGEST = 60


@dataclass(frozen=True)
class Table:
    """A table with a title that says what it shows; the first column names the rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side; empty tables are left out."""

    title: str
    notes: Sequence[str]
    tables: Sequence[Table]


def compare(base: Run, head: Run) -> Comparison:
    """Put two runs side by side; raise `DataError` if they are of different tasks or labels."""
    if base.task != head.task:
        raise DataError(
            f"{base.title} is of task {base.task}, and {head.title} of {head.task}: not comparable"
        )
    labels = [_label_names(run) for run in (base, head)]
    if all(labels) and labels[0] != labels[1]:
        only = sorted(labels[0] ^ labels[1])
        raise DataError(
            f"{base.title} and {head.title} have other labels ({', '.join(only)}): not comparable"
        )
    titles = [base.title, head.title]
    tables = (
        _scores(base, head),
        Table("Real labels that an arm scores like", ["arm", *titles], list(_equivalences(base, head))),
        Table("Data", ["", *titles], _side_by_side(_data(base), _data(head))),
        Table("Cost: time and tokens", ["", *titles], _side_by_side(_cost(base), _cost(head))),
        Table("Settings that changed", ["key", *titles], _settings(base.params, head.params)),
    )
    notes = [*_notes(base, head), *_code(base, head)]
    shown = [table for table in tables if table.rows]
    return Comparison(f"{head.task}: {base.title} → {head.title}", notes, shown)


def _label_names(run: Run) -> set[str]:
    return {label for arm in run.evaluate["arms"].values() for label in arm.get("labels") or ()}


def _scores(base: Run, head: Run) -> Table:
    metric = head.evaluate.get("metric", "accuracy")
    found = differences(base, head, metric)
    why, rows = why_unpaired(base, head), count(head.evaluate.get("test_rows"))
    title = f"{METRIC_NAMES[metric].capitalize()} (95 % intervals): "
    title += (
        f"differences by the intervals alone, not paired, because {why}; small ones stay hidden"
        if why
        else f"differences paired by row on the same {rows} test rows"
    )
    shown = [
        [arm, _score(base, arm, metric), _score(head, arm, metric), *_difference(found.get(arm), metric)]
        for arm in dict.fromkeys([*head.evaluate["arms"], *base.evaluate["arms"]])
    ]
    columns = ["arm", base.title, head.title, "difference in points", "more than noise?"]
    return Table(title, columns, [row for row in shown if row[1:3] != [NONE, NONE]])


def _score(run: Run, arm: str, metric: str) -> str:
    found = score(run, arm, metric)
    return f"{percent(found['mean'])} ({interval(found)})" if found else NONE


def _difference(found: Mapping[str, Any] | None, metric: str) -> tuple[str, str]:
    if found is None:
        return NONE, NONE
    spread = "" if found["same_answers"] else f" ({points_interval(found)})"
    return f"{points(found[metric])}{spread}", verdict(found)


def _notes(base: Run, head: Run) -> Iterator[str]:
    """Yield what the reader must know of each run, and once what is true of both."""
    titles: dict[str, list[str]] = {}
    for run in (base, head):
        left_out = (run.evaluate.get("left_out") or {}).items()
        notes = [run.evaluate.get("note"), *(f"{arm} is left out: {reason}" for arm, reason in left_out)]
        for note in filter(None, [*run.notes, *notes]):
            titles.setdefault(note, []).append(run.title)
    for note, of in titles.items():
        yield f"{' and '.join(dict.fromkeys(of))}: {note}"
    metrics = [run.evaluate.get("metric", "accuracy") for run in (base, head)]
    if metrics[0] != metrics[1]:
        yield f"{base.title} goes by {METRIC_NAMES[metrics[0]]}; both are shown by {METRIC_NAMES[metrics[1]]}"


def _equivalences(base: Run, head: Run) -> Iterator[list[str]]:
    both = [run.evaluate.get("label_equivalence") or {} for run in (base, head)]
    for arm in dict.fromkeys([*both[1], *both[0]]):
        yield [arm, *(_equivalence(found.get(arm)) for found in both)]


def _equivalence(found: Mapping[str, Any] | None) -> str:
    return f"{worth(found)} ({worth_interval(found)})" if found else NONE


def _data(run: Run) -> dict[str, str]:
    prepare, filtered, label = (run.metrics(name) for name in ("prepare", "filter", "label"))
    accuracies = {
        f"label accuracy of the scorers, {of}": ((metrics.get("label_scoring") or {}).get("accuracy") or {})
        for of, metrics in (("synthetic rows", filtered), ("texts", label))
    }
    return {
        "real rows": count(sum(prepare["train_labels"].values()) if prepare.get("train_labels") else None),
        "test rows": count(run.evaluate.get("test_rows")),
        "candidates": count(filtered.get("candidates")),
        "synthetic rows kept": _kept(filtered),
        "rejected": count(sum(filtered["rejected"].values()) if filtered.get("rejected") else None),
        "relabelled": count(filtered.get("relabelled")),
        "texts to label": count(label.get("texts")),
        "texts kept": _kept(label),
        **{key: percent(found.get(deciding_scorer(found))) for key, found in accuracies.items()},
    }


def _kept(metrics: Mapping[str, Any]) -> str:
    return f"{count(metrics['kept'])} ({percent(metrics.get('kept_share'))})" if "kept" in metrics else NONE


def _cost(run: Run) -> dict[str, str]:
    stages = {name: run.metrics(name) for name in ("generate", "top_up", "filter", "label")}
    trained = [run.metrics(f"train/{arm}").get("seconds") for arm in run.evaluate["arms"]]
    seconds = {name: metrics.get("seconds") for name, metrics in stages.items()}
    seconds["fine-tuning"] = sum(filter(None, trained)) or None
    tokens = [metrics["tokens"] for metrics in stages.values() if metrics.get("tokens")]
    return {
        **{name: duration(value) for name, value in seconds.items()},
        "these together": duration(sum(filter(None, seconds.values())) or None),
        "tokens written": count(sum(tokens) if tokens else None),
    }


def _side_by_side(base: Mapping[str, str], head: Mapping[str, str]) -> list[list[str]]:
    pairs = [[key, base[key], head[key]] for key in head]
    return [row for row in pairs if row[1:] != [NONE, NONE]]


def _settings(base: Mapping[str, Any], head: Mapping[str, Any]) -> list[list[str]]:
    one, other = _flat(base), _flat(head)
    pairs = {key: (one.get(key, NONE), other.get(key, NONE)) for key in {**other, **one}}
    return [[key, *map(_value, pair)] for key, pair in pairs.items() if pair[0] != pair[1]]


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a value by dotted key; an arm is one value."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        nested = isinstance(value, Mapping) and value and prefix != "arms."
        flat |= _flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat


def _value(value: Any) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _code(base: Run, head: Run) -> Iterator[str]:
    """Yield which code, task card and data the two runs don't share, by what dvc.lock records."""
    deps = [_deps(run.recorded) for run in (base, head)]
    changed = sorted(path for path in deps[0].keys() & deps[1].keys() if deps[0][path] != deps[1][path])
    if changed:
        yield f"Code, models or data differ, too: {', '.join(changed)}"


def _deps(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hashes of what no stage writes; labelmint as a whole says less than its folders."""
    made = outputs(recorded)
    deps = {
        dep["path"]: dep.get("md5")
        for stage in recorded.values()
        for dep in stage.get("deps", [])
        if dep["path"] not in made
        and not dep["path"].startswith(("metrics/", "data/arms/", "data/predictions"))
    }
    deps.pop("labelmint", None)
    for stage in recorded.values():
        for file, values in stage.get("params", {}).items():
            if file != "params.yaml":
                deps |= {f"{file}: {key}": json.dumps(value, default=str) for key, value in values.items()}
    return deps
