"""The answer in plain sentences: what the made data is worth, what beats it, what to be wary of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.lock import LOCK
from labelmint.core.params import LLM_STUDENTS, load_params
from labelmint.core.records import SCHEMA_VERSION
from labelmint.report.arms import METRIC_NAMES, gains, main_arm, scored, sources, speeds
from labelmint.report.formats import (
    count,
    duration,
    interval,
    p_value,
    percent,
    points,
    points_interval,
    rate,
    worth,
    worth_interval,
)
from labelmint.report.funnel import deciding_scorer
from labelmint.report.read import Inputs, check_one_run, read_inputs

_SOURCES = {"synthetic": "synthetic rows", "unlabelled": "labelled texts"}
_FEW_TEST_ROWS = 500
_POOR_CALIBRATION = 0.1
_P_SHOWN = 0.05
_MANY_TEXTS = 1_000_000
_MUCH_FASTER = 2  # times as fast as the main arm


def print_verdict() -> None:
    """Print scores and verdict: the last lines of `make repro`; raise `DataError` before an evaluation."""
    params, inputs, path = load_params(), read_inputs(), paths.EVALUATION
    if not inputs.evaluate:
        raise DataError(f"{path}: no such file; run `dvc repro`")
    if not check_one_run(params, inputs.evaluate):
        raise DataError(f"{path} is not what {LOCK} records; run `dvc repro`, or `dvc commit` if it is right")
    # Before calibration was compared with chance, version 1 had fewer keys.
    complete = all("calibration_by_chance" in arm for arm in inputs.evaluate["arms"].values())
    if inputs.evaluate.get("schema_version") != SCHEMA_VERSION or not complete:
        raise DataError(f"{path}: written by another version; run `dvc repro`")
    evaluate, answer = inputs.evaluate, verdict(inputs)
    metric = METRIC_NAMES[evaluate["metric"]]
    lines = [f"{evaluate['task']}: {metric} on {evaluate['test_rows']} held-out real rows (95 % interval)"]
    for arm in scored(inputs):
        score = f"  {percent(arm['score'].get('mean'))}  ({interval(arm['score'])})" if arm["score"] else ""
        speed = f"  {rate(arm['texts_per_s'])} texts/s" if arm["texts_per_s"] else ""
        lines.append(f"  {arm['name']:<14}{arm['rows']:>6} rows{score}{speed}")
    print("\n".join([*lines, f"{answer['headline']} ({answer['interval']}).", *answer["sentences"]]))


def verdict(inputs: Inputs) -> dict[str, Any]:
    """Return headline, its interval, sentences beneath it, and caveats."""
    headline, span = _headline(inputs)
    parts, caveats = [], [*_data_caveats(inputs)]
    if inputs.evaluate.get("test_rows"):
        parts = [_like(inputs), _gain(inputs), _by_source(inputs), _alternative(inputs), _advice(inputs)]
        caveats = [*_scoring_caveats(inputs), *_doubtful(inputs), *caveats]
    sentences = [text for text in parts if text]
    return {"headline": headline, "interval": span, "sentences": sentences, "caveats": caveats}


def _headline(inputs: Inputs) -> tuple[str, str]:
    if not inputs.evaluate:
        return "There is no evaluation yet", "run dvc repro"
    if not inputs.evaluate["test_rows"]:
        return "Nothing could be scored", inputs.evaluate["note"]
    equal, gain, made = _equal(inputs), _main_gain(inputs), _made(inputs)
    real = _main(inputs)["real"]
    if equal and real and gain and gain["points"] <= 0:
        change = f"they change {_metric(inputs)} by {points(gain['points'])} points"
        return f"Your {made} are worth no real labels: {change}", f"95 % interval {points_interval(gain)}"
    if equal:
        # What the main arm scores like, less the real rows that it has.
        added = {**equal, **{key: max(0, equal[key] - real) for key in ("rows", "ci_low", "ci_high")}}
        return f"Your {made} are worth {_about(added)} real labels", f"95 % interval {worth_interval(added)}"
    if gain:
        change = f"The {made} change {_metric(inputs)} by {points(gain['points'])} points"
        return change, f"95 % interval {points_interval(gain)}"
    main = main_arm(inputs)
    span = f"95 % interval {interval(main['score'])}; there is nothing to compare it with"
    return f"{main['name']} scores {percent(main['score']['mean'])}", span


def _main(inputs: Inputs) -> Mapping[str, Any]:
    arm: Mapping[str, Any] = inputs.evaluate["arms"][inputs.evaluate["main_arm"]]
    return arm


def _metric(inputs: Inputs) -> str:
    return METRIC_NAMES[inputs.evaluate["metric"]]


def _made(inputs: Inputs) -> str:
    arm = _main(inputs)
    return " and ".join(name for key, name in _SOURCES.items() if arm[key])


def _equal(inputs: Inputs) -> Mapping[str, Any]:
    """Return the label equivalence of the main arm, if there is one."""
    equivalence: Mapping[str, Any] = inputs.evaluate["label_equivalence"].get(inputs.evaluate["main_arm"], {})
    return equivalence


def _main_gain(inputs: Inputs) -> Mapping[str, Any]:
    names = (inputs.evaluate["main_arm"], inputs.evaluate["counterpart"])
    return next((gain for gain in gains(inputs) if (gain["one"], gain["other"]) == names), {})


def _about(equal: Mapping[str, Any]) -> str:
    text = worth(equal)
    return text if text == "0" or text.startswith("at ") else f"about {text}"


def _like(inputs: Inputs) -> str:
    equal, real = _equal(inputs), _main(inputs)["real"]
    if not equal or not real:
        return ""
    return f"With them, your {count(real)} real labels score like {_about(equal)} ({worth_interval(equal)})."


def _gain(inputs: Inputs) -> str:
    gain = _main_gain(inputs)
    if not gain:
        return ""
    arms, metric = inputs.evaluate["arms"], inputs.evaluate["metric"]
    one = arms[gain["one"]]
    before, after = (percent(arms[gain[key]][metric]["mean"]) for key in ("other", "one"))
    made = " and ".join(
        f"{count(one[key])} {name}"
        for key, name in (("synthetic", "synthetic rows"), ("unlabelled", "machine-labelled texts"))
        if one[key]
    )
    text = (
        f"{made} {'beside' if one['real'] else 'in place of'} the real rows take {_metric(inputs)} from "
        f"{before} to {after}: {points(gain['points'])} points ({points_interval(gain)}, "
        f"p = {p_value(gain['p_value'])}, Holm {p_value(gain['p_adjusted'])})."
    )
    if gain["ci_low"] <= 0 <= gain["ci_high"]:
        return f"{text} The interval includes zero: the difference may be chance."
    if gain["ci_high"] < 0:
        text += f" They lower {_metric(inputs)} here."
    if any(inputs.train.get(gain[key], {}).get("seeds") == 1 for key in ("one", "other")):
        text += " Trained with one seed: the interval doesn't cover what another would change."
    return text


def _by_source(inputs: Inputs) -> str:
    """Say what each source brought, if there are several."""
    parts = [
        f"{source['name']} {points(source['points'])} points"
        + (f" in {duration(60 * source['minutes'])}" if source["minutes"] else "")
        for source in sources(inputs)
        if source["points"] is not None
    ]
    return f"By source: {'; '.join(parts)}." if len(parts) > 1 else ""


def _alternative(inputs: Inputs) -> str:
    other, main = inputs.evaluate["alternative"], main_arm(inputs)
    if not other:
        return "Nothing else that was measured is as fast with the same labels."
    several = other["of"] > 1
    which = f"best of {other['of']} other arms" if several else "only other arm"
    against = _against_main(inputs, other["arm"])
    text = f"The {which} as fast with the same labels is {other['arm']}: {percent(other['mean'])}, "
    text += f"{points(against['points'])} points against {main['name']} ({points_interval(against)})"
    if against["ci_low"] <= 0 <= against["ci_high"]:
        text += ", which may be chance"
    return f"{text}; being the best of several on these test rows flatters it." if several else f"{text}."


def _against_main(inputs: Inputs, arm: str) -> Mapping[str, Any]:
    """Return how far an arm scores above the main arm, paired, with its interval."""
    against = inputs.evaluate["arms"][arm]["against_main"]
    return {**against, "points": against[inputs.evaluate["metric"]]}


def _advice(inputs: Inputs) -> str:
    """Compare the main arm with the language model and slower or faster students, in score and speed."""
    main, entries = main_arm(inputs), speeds(inputs)
    speed = main["texts_per_s"]
    asked = [entry for entry in entries if entry["student"] in LLM_STUDENTS]
    # An arm of the same student is as fast, whatever was measured.
    others = [entry for entry in entries if entry["student"] != main["student"] and entry not in asked]
    slower = [entry for entry in others if speed and entry["texts_per_s"] < speed]
    better = [entry for entry in slower if entry["mean"] > main["score"]["mean"]]
    faster = [entry for entry in entries if speed and entry["texts_per_s"] > _MUCH_FASTER * speed]
    text = ""
    if asked and speed:
        best = max(asked, key=lambda entry: float(entry["mean"]))
        is_right = "is right on" if inputs.evaluate["metric"] == "accuracy" else "has a macro-F1 of"
        hours, less = (duration(_MANY_TEXTS / each) for each in (best["texts_per_s"], speed))
        text = (
            f"Asked directly ({best['arm']}), the language model {is_right} {percent(best['mean'])} at "
            f"{rate(best['texts_per_s'])} texts/s; distilled ({main['name']}): "
            f"{percent(main['score']['mean'])} at {rate(speed)}. A million texts take {hours}, or {less}."
        )
    sure = [entry for entry in better if _against_main(inputs, entry["arm"])["ci_low"] > 0]
    unsure = [entry for entry in better if entry not in sure]
    for what, some in (("but better", sure), ("and higher by what may be chance", unsure)):
        if some:
            text += f" Slower {what}: {', '.join(_at_speed(inputs, entry) for entry in some)}."
    if faster:
        best = max(faster, key=lambda entry: float(entry["mean"]))
        text = f"{text} Faster: {best['arm']} {percent(best['mean'])} at {rate(best['texts_per_s'])} texts/s."
    return text.strip()


def _at_speed(inputs: Inputs, entry: Mapping[str, Any]) -> str:
    against, speed = _against_main(inputs, entry["arm"]), rate(entry["texts_per_s"])
    change = f"{points(against['points'])} points, {points_interval(against)}"
    return f"{entry['arm']} {percent(entry['mean'])} ({change}) at {speed} texts/s"


def _scoring_caveats(inputs: Inputs) -> Iterator[str]:
    evaluate, main = inputs.evaluate, inputs.evaluate["main_arm"]
    for arm, reason in evaluate["left_out"].items():
        yield f"{arm} is left out: {reason}."
    note = _equal(inputs).get("note")
    if note:
        yield f"Label equivalence of {main}: {note}."
    if evaluate["note"]:
        yield f"{evaluate['note']}."
    if evaluate["test_rows"] < _FEW_TEST_ROWS:
        yield f"Only {count(evaluate['test_rows'])} test rows: the intervals are wide."
    weights = inputs.train.get(main, {}).get("weights") or {}
    unused = [name for key, name in _SOURCES.items() if weights.get(key) == 0]
    if unused:
        sources = " and ".join(unused)
        yield f"Cross-validation gave the {sources} of {main} weight 0: it doesn't learn from them."
    if _main(inputs)["real"]:
        yield (
            "One draw of the real rows: the intervals cover test rows and training seeds, "
            "not which rows you happened to label."
        )
    error, by_chance = (_main(inputs)[f"calibration_{key}"] for key in ("error", "by_chance"))
    if error > max(_POOR_CALIBRATION, by_chance):
        yield (
            f"Confidence is off by {percent(error)} on average (calibration error of {main}; up to "
            f"{percent(by_chance)} may be chance): do not read the probabilities as certainty."
        )


def _doubtful(inputs: Inputs) -> Iterator[str]:
    """Say which differences may be chance, by themselves or as some of many that are looked at."""
    all_gains = gains(inputs)
    made = [gain for gain in all_gains if inputs.evaluate["arms"][gain["one"]]["kind"] != "real"]
    alone = [gain for gain in made if gain["p_value"] > _P_SHOWN]
    among = [gain for gain in made if gain not in alone and gain["p_adjusted"] > _P_SHOWN]
    for what, some in (
        ("No significant difference on this test set", alone),
        (f"Significant by itself, but not as one of {len(all_gains)} comparisons (Holm)", among),
    ):
        if some:
            named = "; ".join(f"{gain['one']} against {gain['other']}" for gain in some)
            yield f"{what}: {named}."


def _data_caveats(inputs: Inputs) -> Iterator[str]:
    scoring = inputs.filter.get("label_scoring") or inputs.label.get("label_scoring") or {}
    accuracy = scoring.get("accuracy") or {}
    if scorer := deciding_scorer(accuracy):
        fitted = " (a little too high: their weights were fitted on these rows)" if scorer == "pooled" else ""
        yield (
            f"The label scorers are right on {percent(accuracy[scorer])} of {count(scoring['real_rows'])} "
            f"unseen real rows{fitted}; where they are wrong, rows have wrong labels."
        )
    for label, missing in (inputs.filter.get("missing") or {}).items():
        yield f"{label} lacks {count(missing)} rows."
