"""The answer in plain sentences: what the synthetic data is worth, what beats it, what to be wary of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelmint.report.arms import equivalences, gains, main_arm, main_gain, scored
from labelmint.report.formats import count, interval, p_value, percent, points, points_interval
from labelmint.report.read import Inputs

_FEW_TEST_ROWS = 500
_POOR_CALIBRATION = 0.1
_P_SHOWN = 0.05


def verdict(inputs: Inputs) -> dict[str, Any]:
    """Return headline, its interval, sentences beneath it, and caveats."""
    headline, span = _headline(inputs)
    return {
        "headline": headline,
        "interval": span,
        "sentences": [text for text in (_like(inputs), _gain(inputs), _beaten(inputs)) if text],
        "caveats": _caveats(inputs),
    }


def _headline(inputs: Inputs) -> tuple[str, str]:
    if not inputs.evaluate:
        return "There is no evaluation yet", "run dvc repro"
    if not inputs.evaluate["test_rows"]:
        return "Nothing could be scored", inputs.evaluate["note"]
    main, worth, gain = main_arm(inputs), _equivalence(inputs), main_gain(inputs)
    real = inputs.evaluate["arms"][main["name"]]["real"]
    if worth:
        # As `labelmint verdict` says it: what the main arm scores like, less the real rows that it has.
        added = {**worth, **{key: max(0, worth[key] - real) for key in ("rows", "ci_low", "ci_high")}}
        return f"Your synthetic data is worth {_worth(added)} real labels", _rows(added)
    if gain:
        return (
            f"The synthetic data changes accuracy by {points(gain['accuracy'])} points",
            f"95 % interval {points_interval(gain)}",
        )
    best = max(scored(inputs), key=_mean)
    span = interval(best["accuracy"])
    return (
        f"{best['name']} scores {percent(_mean(best))}",
        f"95 % interval {span}; there is nothing to compare it with",
    )


def _equivalence(inputs: Inputs) -> Mapping[str, Any]:
    """Return the label equivalence of the main arm, if it has synthetic rows."""
    main = inputs.evaluate.get("main_arm", "")
    if not inputs.evaluate["arms"][main]["synthetic"]:
        return {}
    return next((entry for entry in equivalences(inputs) if entry["name"] == main), {})


def _like(inputs: Inputs) -> str:
    if not inputs.evaluate.get("test_rows"):
        return ""
    worth, real = _equivalence(inputs), inputs.evaluate["arms"][inputs.evaluate["main_arm"]]["real"]
    if not worth or not real:
        return ""
    span = f"{count(worth['ci_low'])} to {count(worth['ci_high'])}"
    return f"With it, your {count(real)} real labels score like {_worth(worth)} ({span})."


def _worth(entry: Mapping[str, Any]) -> str:
    if not entry["rows"]:
        return "0"
    bound = next((word for word in ("at least", "at most") if word in entry.get("note", "")), "")
    return f"{bound} {count(entry['rows'])}".strip()


def _rows(entry: Mapping[str, Any]) -> str:
    return f"95 % interval {count(entry['ci_low'])} to {count(entry['ci_high'])}"


def _mean(entry: Mapping[str, Any]) -> float:
    return float(entry["accuracy"].get("mean", 0.0))


def _gain(inputs: Inputs) -> str:
    gain = main_gain(inputs)
    if not gain:
        return ""
    arms = inputs.evaluate["arms"]
    before, after = (percent(arms[gain[key]]["accuracy"]["mean"]) for key in ("other", "one"))
    synthetic = count(arms[gain["one"]]["synthetic"])
    place = "beside" if arms[gain["one"]]["real"] else "in place of"
    text = (
        f"{synthetic} synthetic rows {place} the real ones take accuracy from {before} to {after}: "
        f"{points(gain['accuracy'])} points ({points_interval(gain)}, "
        f"p = {p_value(gain['p_value'])}, Holm {p_value(gain['p_adjusted'])})."
    )
    if gain["ci_low"] <= 0 <= gain["ci_high"]:
        text += " The interval includes zero: the difference may be chance."
    elif gain["ci_high"] < 0:
        text += " The synthetic rows lower accuracy here."
    return text


def _beaten(inputs: Inputs) -> str:
    if not inputs.evaluate.get("test_rows"):
        return ""
    main = main_arm(inputs)
    better = [arm for arm in scored(inputs) if _mean(arm) > _mean(main)]
    if not better:
        return "Nothing else that was measured scores higher."
    # Other students come first: they are what a reader could use today instead.
    better.sort(key=lambda arm: (arm["kind"] != "other", -_mean(arm)))
    listed = ", ".join(f"{arm['name']} {percent(_mean(arm))} ({interval(arm['accuracy'])})" for arm in better)
    return f"Scoring higher than {main['name']}: {listed}."


def _caveats(inputs: Inputs) -> list[str]:
    evaluate = inputs.evaluate
    if not evaluate.get("test_rows"):
        return _data_caveats(inputs)
    main = evaluate["main_arm"]
    caveats = [f"{arm} is left out: {reason}." for arm, reason in evaluate["left_out"].items()]
    note = _equivalence(inputs).get("note")
    if note:
        caveats.append(f"Label equivalence of {main}: {note}.")
    if evaluate["note"]:
        caveats.append(f"{evaluate['note']}.")
    if evaluate["test_rows"] < _FEW_TEST_ROWS:
        caveats.append(f"Only {count(evaluate['test_rows'])} test rows: the intervals are wide.")
    return [*caveats, *_training_caveats(inputs), *_data_caveats(inputs)]


def _training_caveats(inputs: Inputs) -> list[str]:
    caveats = []
    main = inputs.evaluate["arms"][inputs.evaluate["main_arm"]]
    if main["real"]:
        caveats.append(
            "One draw of the real rows: the intervals cover test rows and training seeds, "
            "not which rows you happened to label."
        )
    error = main["calibration_error"]
    if error > _POOR_CALIBRATION:
        caveats.append(
            f"Confidence is off by {percent(error)} on average (calibration error of "
            f"{inputs.evaluate['main_arm']}): do not read the probabilities as certainty."
        )
    return [*caveats, *_doubtful(inputs)]


def _doubtful(inputs: Inputs) -> list[str]:
    """Say which differences may be chance, by themselves or as some of many that are looked at."""
    arms = inputs.evaluate["arms"]
    main_gains = [gain for gain in gains(inputs) if arms[gain["one"]]["synthetic"]]
    alone = [gain for gain in main_gains if gain["p_value"] > _P_SHOWN]
    among = [gain for gain in main_gains if gain not in alone and gain["p_adjusted"] > _P_SHOWN]
    caveats = []
    for what, some in (
        ("No significant difference on this test set", alone),
        (f"Significant by itself, but not as one of {len(gains(inputs))} comparisons (Holm)", among),
    ):
        if some:
            named = "; ".join(f"{gain['one']} against {gain['other']}" for gain in some)
            caveats.append(f"{what}: {named}.")
    return caveats


def _data_caveats(inputs: Inputs) -> list[str]:
    caveats = []
    scoring = inputs.filter.get("label_scoring") or {}
    accuracy = (scoring.get("accuracy") or {}).get("pooled") or (scoring.get("accuracy") or {}).get("llm")
    if accuracy:
        caveats.append(
            f"The label scorers are right on {percent(accuracy)} of {count(scoring['real_rows'])} unseen "
            "real rows; where they are wrong, kept rows have wrong labels."
        )
    for label, missing in (inputs.filter.get("missing") or {}).items():
        caveats.append(f"{label} lacks {count(missing)} rows.")
    return caveats
