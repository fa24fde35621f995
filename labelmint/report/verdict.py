"""The answer in plain sentences: what the synthetic data is worth, what beats it, what to be wary of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelmint.report.arms import equivalences, gains, scored
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
    found = inputs.evaluate
    if not found:
        return "There is no evaluation yet", "run dvc repro"
    if not found.get("test_rows"):
        return "Nothing could be scored", found.get("note") or "there are no test labels"
    real = found["arms"].get("real", {}).get("train_rows")
    worth = {entry["name"]: entry for entry in equivalences(inputs)}
    if "mixed" in worth and real:
        # As the last line of `make repro` says it: what `mixed` scores like, less the real rows that it has.
        added = {key: max(0, worth["mixed"][key] - real) for key in ("rows", "ci_low", "ci_high")}
        said = _worth({**worth["mixed"], **added})
        return f"Your synthetic data is worth {said} real labels", _rows(added)
    if "synthetic" in worth:
        said = _worth(worth["synthetic"])
        return f"Your synthetic data is worth {said} real labels", _rows(worth["synthetic"])
    gain = found.get("gain", {}).get("mixed_vs_real")
    if gain:
        said = points(gain["accuracy"])
        return (
            f"The synthetic data changes accuracy by {said} points",
            f"95 % interval {points_interval(gain)}",
        )
    best = max((entry for entry in scored(inputs) if entry["accuracy"]), key=_mean, default=None)
    if best is None:
        return "Nothing could be scored", found.get("note", "")
    return (
        f"{best['said']} scores {percent(_mean(best))}",
        f"95 % interval {interval(best['accuracy'])}; there is nothing to compare it with",
    )


def _like(inputs: Inputs) -> str:
    real = inputs.evaluate.get("arms", {}).get("real", {}).get("train_rows")
    mixed = next((entry for entry in equivalences(inputs) if entry["name"] == "mixed"), None)
    if not mixed or not real:
        return ""
    span = f"{count(mixed['ci_low'])} to {count(mixed['ci_high'])}"
    return f"With it, your {count(real)} real labels score like {_worth(mixed)} ({span})."


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
    gain = inputs.evaluate.get("gain", {}).get("mixed_vs_real")
    arms = inputs.evaluate.get("arms", {})
    if not gain or not arms.keys() >= {"real", "mixed"}:
        return ""
    added = arms["mixed"]["train_rows"] - arms["real"]["train_rows"]
    adjusted = gain.get("p_adjusted")
    said = f"p = {p_value(gain.get('p_value'))}" + (f", Holm {p_value(adjusted)}" if adjusted else "")
    before, after = (percent(arms[arm]["accuracy"]["mean"]) for arm in ("real", "mixed"))
    text = (
        f"{count(added)} synthetic rows beside the real ones take accuracy from {before} to {after}: "
        f"{points(gain['accuracy'])} points ({points_interval(gain)}, {said})."
    )
    if gain["ci_low"] <= 0 <= gain["ci_high"]:
        text += " The interval holds zero: this test set can’t tell the gain from none."
    elif gain["ci_high"] < 0:
        text += " The synthetic rows do harm here."
    return text


def _beaten(inputs: Inputs) -> str:
    entries = [entry for entry in scored(inputs) if entry["accuracy"]]
    own = next((entry for entry in entries if entry["name"] == "mixed"), None)
    if own is None:
        return ""
    better = [entry for entry in entries if _mean(entry) > _mean(own) and entry is not own]
    if not better:
        return "Nothing else that was measured scores higher."
    # The baselines come first: they are what a reader could use today instead.
    better.sort(key=lambda entry: (entry["kind"] != "baseline", -_mean(entry)))
    said = ", ".join(
        f"{entry['said']} {percent(_mean(entry))} ({interval(entry['accuracy'])})" for entry in better
    )
    return f"Scoring higher than mixed: {said}."


def _caveats(inputs: Inputs) -> list[str]:
    found = inputs.evaluate
    if not found.get("test_rows"):
        return _data_caveats(inputs)
    caveats = [
        f"Label equivalence of {entry['said']}: {entry['note']}."
        for entry in equivalences(inputs)
        if entry.get("note") and entry["name"] in ("mixed", "synthetic")
    ]
    if found.get("note"):
        caveats.append(f"{found['note']}.")
    if found["test_rows"] < _FEW_TEST_ROWS:
        caveats.append(f"Only {count(found['test_rows'])} test rows: the intervals are wide.")
    caveats += _training_caveats(inputs)
    return caveats + _data_caveats(inputs)


def _training_caveats(inputs: Inputs) -> list[str]:
    caveats = []
    seeds = min((training.get("seeds", 3) for training in inputs.train.values()), default=3)
    if seeds < 3 and "seed" not in inputs.evaluate.get("note", ""):
        said = f"{count(seeds)} training seed{'s' if seeds > 1 else ''}"
        caveats.append(f"{said}: chance in training is hardly seen.")
    if "real" in inputs.evaluate.get("arms", {}):
        caveats.append(
            "One draw of the real rows: the intervals cover test rows and training seeds, "
            "not which rows you happened to label."
        )
    mixed = inputs.evaluate["arms"].get("mixed", {})
    error = mixed.get("calibration_error")
    if error is not None and error > _POOR_CALIBRATION:
        caveats.append(
            f"Confidence is off by {percent(error)} on average (calibration error of mixed): "
            "the probabilities are no measure of certainty."
        )
    return caveats + _doubtful(inputs)


def _doubtful(inputs: Inputs) -> list[str]:
    """Say which differences may be chance, by themselves or as some of many that are looked at."""
    found = [gain for gain in gains(inputs) if gain["one"] in ("mixed", "synthetic")]
    alone = [gain for gain in found if (gain.get("p_value") or 0) > _P_SHOWN]
    among = [gain for gain in found if gain not in alone and (gain.get("p_adjusted") or 0) > _P_SHOWN]
    caveats = []
    for said, some in (
        ("Not told apart by this test set", alone),
        (f"Sure by itself, but not as one of {len(gains(inputs))} comparisons (Holm)", among),
    ):
        if some:
            named = "; ".join(f"{gain['one']} against {gain['other']}" for gain in some)
            caveats.append(f"{said}: {named}.")
    return caveats


def _data_caveats(inputs: Inputs) -> list[str]:
    caveats = []
    reader = inputs.filter.get("reader") or {}
    accuracy = (reader.get("accuracy") or {}).get("pooled") or (reader.get("accuracy") or {}).get("llm")
    if accuracy:
        caveats.append(
            f"The judge of labels is right on {percent(accuracy)} of {count(reader.get('real_rows'))} "
            "unseen real rows; where it errs, kept rows have wrong labels."
        )
    for label, missing in (inputs.filter.get("short") or {}).items():
        rows = missing.get("missing") if isinstance(missing, Mapping) else missing
        caveats.append(f"{label} is short of {count(rows)} rows.")
    return caveats
