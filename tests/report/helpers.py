"""A run's results, written by hand: all that the report can show, and rows that try to break out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labelmint.core import paths
from labelmint.core.records import write_json, write_rows
from tests.builders import candidate, labelled

SCRIPT = "<script>document.title='run'</script></script><img src=x onerror=alert(1)>"
ARABIC = "هذا الفيلم رائع جدًّا 😀 ولا يُنسى"
ENDS = "a line\u2028end and a paragraph\u2029end & an <!-- open comment"
LABELS = ["negative", "positive"]
# Real rows, synthetic rows, accuracy.
ARMS = {
    "real": (20, 0, 0.7),
    "synthetic": (0, 200, 0.77),
    "mixed": (20, 200, 0.76),
    "real_30": (30, 0, 0.74),
    "real_40": (40, 0, 0.78),
    "real_50": (50, 0, 0.81),
    "mixed_100": (20, 100, 0.74),
    "synthetic_100": (0, 100, 0.73),
    "llm": (20, 0, 0.85),
    "majority": (20, 0, 0.5),
}
STUDENTS = ("llm", "majority")


def score(mean: float, spread: float = 0.03) -> dict[str, float]:
    """Return a score with its interval."""
    return {"mean": mean, "sd": 0.01, "ci_low": round(mean - spread, 4), "ci_high": round(mean + spread, 4)}


def arm(name: str, real: int, synthetic: int, accuracy: float) -> dict[str, Any]:
    """Return an arm's entry of evaluate.json."""
    part = {"rows": 20, "accuracy": accuracy, "ci_low": accuracy - 0.1, "ci_high": accuracy + 0.1}
    return {
        "train_rows": real + synthetic,
        "real": real,
        "synthetic": synthetic,
        "student": name if name in STUDENTS else "auto",
        "main_student": name not in STUDENTS,
        "accuracy": score(accuracy),
        "macro_f1": score(accuracy - 0.01),
        "calibration_error": 0.15,
        "labels": {},
        "slices": {
            "length": [{"words": words, **part} for words in ("1–10", "11–20")],
            "label": [{"label": label, **part} for label in LABELS],
        },
    }


def evaluation(**changes: Any) -> dict[str, Any]:
    """Return evaluate.json."""
    worth = {"rows": 35, "ci_low": 24, "ci_high": 50, "note": "the interval reaches the curve's end, 50"}
    gain = {"accuracy": 0.06, "ci_low": 0.02, "ci_high": 0.1, "p_value": 0.0005, "p_adjusted": 0.0015}
    return {
        "task": "tiny",
        "test_rows": 40,
        "note": "",
        "main_arm": "mixed",
        "counterpart": "real",
        "arms": {name: arm(name, *found) for name, found in ARMS.items()},
        "gain": {
            "mixed_vs_real": {"one": "mixed", "other": "real", **gain},
            "mixed_vs_synthetic": {
                "one": "mixed",
                "other": "synthetic",
                **gain,
                "ci_low": -0.03,
                "p_adjusted": 0.4,
            },
        },
        "label_equivalence": {"mixed": worth, "synthetic": {**worth, "note": ""}},
        "subjectivity": {"agreement": 0.83, "kappa": 0.66, "rows": 300, "draws": 3},
        "left_out": {},
        **changes,
    }


def kept_rows() -> list[dict[str, Any]]:
    """Return kept rows: one relabelled, one in Arabic, and one that tries to run a script."""
    scores = {"negative": -0.1, "positive": -2.35}
    rows = [
        {**candidate(number, f"a plain text number {number}"), "judged_label": "negative"}
        for number in range(30)
    ]
    rows += [
        {**candidate(100, SCRIPT), "judged_label": "positive", "profile": "hard"},
        {**candidate(101, ARABIC, "positive"), "judged_label": "positive"},
        {
            **candidate(102, ENDS),
            "judged_label": "negative",
            "method": "persona",
            "values": {"persona": "a fan"},
        },
    ]
    return [{**row, "label_scores": scores} for row in rows]


def rejected_rows() -> list[dict[str, Any]]:
    """Return rejected rows: by margin, by an earlier row and by a real row."""
    earlier = {
        "duplicate_of": "s000000",
        "duplicate_of_text": "a plain text number zero",
        "similarity": 0.8,
    }
    real = {"real": "r000000", "real_text": f"text {SCRIPT}", "similarity": 1.0}
    found = [
        ("unsure_label", {"judged_label": "positive", "margin": 0.3}, "the plot is dull but grand"),
        ("unsure_label", {"judged_label": "negative", "margin": 0.2}, "a dull affair"),
        ("near_duplicate", earlier, "a plain text number nought"),
        ("demonstration_copy", real, "text number 0"),
        ("foreign_script", {"scripts": {"ARABIC": 3}, "share": 0.4}, "something else"),
    ]
    return [
        {**candidate(200 + at, text), "rule": rule, "evidence": evidence, "label_scores": None}
        for at, (rule, evidence, text) in enumerate(found)
    ]


def write_data() -> None:
    """Write the rows, the prompts and the metrics of the stages before evaluation."""
    real = [labelled(LABELS[number % 2], number) for number in range(4)]
    write_rows(paths.REAL_TRAIN, real)
    shown = [row["id"] for row in real]
    prompt = {"label": "negative", "text": f"Here are some.\n\n{SCRIPT}", "method": "few_shot", "values": {}}
    write_rows(paths.PROMPTS, [{"id": "p0", "demonstration_ids": shown, **prompt}])
    write_rows(paths.TOP_UP_PROMPTS, [])
    kept, rejected = kept_rows(), rejected_rows()
    write_rows(paths.KEPT, kept)
    write_rows(paths.REJECTED, rejected)
    rules = {"empty": 0, "near_duplicate": 1, "demonstration_copy": 1, "unsure_label": 2, "foreign_script": 1}
    write_json(
        paths.METRICS / "filter.json",
        {
            "candidates": len(kept) + len(rejected),
            "rejected": rules,
            "kept": len(kept),
            "labels": {"negative": {"candidates": 36, "kept": 32}, "positive": {"candidates": 2, "kept": 1}},
            "relabelled": 1,
            "label_scoring": {"accuracy": {"llm": 0.8, "pooled": 0.82}, "real_rows": 84},
            "missing": {"positive": 5},
        },
    )
    write_json(paths.METRICS / "generate.json", {"tokens": 4000, "seconds": 866.5, "tokens_per_s": 122.0})
    write_json(paths.METRICS / "top_up.json", {"added": 0})
    for name, (real, synthetic, _) in ARMS.items():
        training = {
            "train_rows": real + synthetic,
            "recipe": "fine_tune",
            "seeds": 2,
            "seconds": 60.0,
            "rows_per_s": 90.0,
        }
        write_json(paths.METRICS / "train" / f"{name}.json", training)


def write_evaluation(**changes: Any) -> None:
    """Write what evaluate writes."""
    write_json(paths.METRICS / "evaluate.json", evaluation(**changes))
    paths.PLOTS.mkdir(parents=True, exist_ok=True)
    pairs = ["negative,negative"] * 15 + ["negative,positive"] * 5 + ["positive,positive"] * 20
    (paths.PLOTS / "confusion.csv").write_text("\n".join(["label,predicted", *pairs]) + "\n")


def write_extras() -> None:
    """Write what only some runs have."""
    bins = [f"{name},{at / 10},{at / 10 - 0.05},20" for name in ("real", "mixed") for at in range(5, 10)]
    text = "\n".join(["arm,confidence,accuracy,rows", *bins]) + "\n"
    (paths.PLOTS / "reliability.csv").write_text(text)
    hard = {"id": "r9", "text": SCRIPT, "label": "positive", "wrong": 1.0, "predicted": {"mixed": "negative"}}
    write_rows(Path("data/evaluation/hardest.jsonl"), [hard, {**hard, "id": "r8", "text": ARABIC}])
    described = {"rows": 20, "words": {"mean": 12.5, "shares": [0.1, 0.2]}, "self_bleu": 0.31}
    fidelity = {
        "mauve": {"mean": 0.9, "sd": 0.01},
        "telling": {"real": [{"words": "a < b", "weight": 2.5}]},
        "nearest": {"mean": 0.51},
    }
    sets = {"real": described, "synthetic": {**described, "only_here": 1}}
    write_json(paths.METRICS / "data.json", {"sets": sets, "fidelity": fidelity})
    gain = {"accuracy": 0.012, "ci_low": -0.01, "ci_high": 0.034, "p_value": 0.2}
    subset = {"accuracy": score(0.74)}
    rule = {"removed": 12, "without_rule": subset, "random_subset": subset, "gain": gain}
    write_json(
        paths.METRICS / "ablate.json",
        {
            "scored_on": {"rows": 1000, "source": "pool"},
            "seeds": [1, 2],
            "base": {"rows": 200, "accuracy": score(0.75)},
            "rules": [{"rule": name, **rule} for name in ("unsure_label", "near_duplicate")],
        },
    )
