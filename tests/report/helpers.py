"""A run's results, written by hand: all that the report can show, and rows that try to break out of it."""

from pathlib import Path
from typing import Any

from labelmint.core import paths
from labelmint.core.records import SCHEMA_VERSION, write_json, write_rows
from tests.builders import candidate, labelled

SCRIPT = "<script>document.title='run'</script></script><img src=x onerror=alert(1)>"
ARABIC = "هذا الفيلم رائع جدًّا 😀 ولا يُنسى"
ENDS = "a line\u2028end and a paragraph\u2029end & an <!-- open comment"
LABELS = ["negative", "positive"]
# Real, synthetic and unlabelled rows, accuracy.
ARMS = {
    "real": (20, 0, 0, 0.7),
    "synthetic": (0, 200, 0, 0.77),
    "mixed": (20, 200, 0, 0.76),
    "real_30": (30, 0, 0, 0.74),
    "real_40": (40, 0, 0, 0.78),
    "real_50": (50, 0, 0, 0.81),
    "mixed_100": (20, 100, 0, 0.74),
    "texts": (20, 0, 90, 0.75),
    "llm": (20, 0, 0, 0.85),
    "majority": (20, 0, 0, 0.5),
}
STUDENTS = ("llm", "majority")
SPEEDS = {"llm": 17.0, "majority": 1_000_000.0}


def score(mean: float, spread: float = 0.03) -> dict[str, float]:
    """Return a score with its interval."""
    return {"mean": mean, "sd": 0.01, "ci_low": round(mean - spread, 4), "ci_high": round(mean + spread, 4)}


def arm(name: str, real: int, synthetic: int, unlabelled: int, accuracy: float) -> dict[str, Any]:
    """Return an arm's entry of evaluate.json."""
    part = {"rows": 20, "accuracy": accuracy, "ci_low": accuracy - 0.1, "ci_high": accuracy + 0.1}
    rows = {"real": real, "synthetic": synthetic, "unlabelled": unlabelled}
    kinds = [kind for kind, count in rows.items() if count]
    return {
        "kind": kinds[0] if len(kinds) == 1 else "mixed",
        "train_rows": sum(rows.values()),
        **rows,
        "student": name if name in STUDENTS else "auto",
        "main_student": name not in STUDENTS,
        "texts_per_s": SPEEDS.get(name, 340.0),
        "accuracy": score(accuracy),
        "macro_f1": score(round(accuracy - 0.01, 4)),
        "calibration_error": 0.15,
        "calibration_by_chance": 0.12,
        "against_main": dict.fromkeys(("accuracy", "macro_f1"), round(accuracy - 0.76, 4))
        | {"ci_low": -0.01, "ci_high": 0.07},
        "labels": {label: {"precision": 0.71, "recall": 0.72, "f1": 0.73} for label in LABELS},
        "slices": {
            "length": [{"words": words, **part} for words in ("1–10", "11–20")],
            "label": [{"label": label, **part} for label in LABELS],
        },
    }


def speed(name: str, *, frontier: bool) -> dict[str, Any]:
    """Return an arm's entry of evaluate.json's `speeds`."""
    entry = arm(name, *ARMS[name])
    return {"student": entry["student"], "arm": name, "texts_per_s": entry["texts_per_s"]} | {
        **{key: entry["accuracy"][key] for key in ("mean", "ci_low", "ci_high")},
        "frontier": frontier,
    }


def evaluation(**changes: Any) -> dict[str, Any]:
    """Return evaluate.json."""
    worth = {"rows": 35, "ci_low": 24, "ci_high": 50, "note": "the interval reaches the curve's end, 50"}
    gain = {"accuracy": 0.06, "ci_low": 0.02, "ci_high": 0.1, "p_value": 0.0005, "p_adjusted": 0.0015}
    source = {
        "gain": {key: gain[key] for key in ("accuracy", "ci_low", "ci_high")},
        "label_equivalence": worth,
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "task": "tiny",
        "test_rows": 40,
        "note": "",
        "metric": "accuracy",
        "main_arm": "mixed",
        "counterpart": "real",
        "arms": {name: arm(name, *content) for name, content in ARMS.items()},
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
        "sources": {
            "synthetic": {"arm": "mixed", "rows": 200, "minutes": 10.0, "points_per_minute": 0.6, **source},
            "unlabelled": {"arm": "texts", "rows": 90, "minutes": 2.0, "points_per_minute": 3.0, **source},
        },
        "speeds": [
            speed("llm", frontier=True),
            speed("mixed", frontier=True),
            speed("majority", frontier=True),
        ],
        "alternative": {"arm": "synthetic", "of": 4, "student": "auto", "texts_per_s": 340.0, **score(0.77)},
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
    earlier = {"duplicate_of": "s000000", "duplicate_of_text": "a plain text number zero", "similarity": 0.8}
    real = {"real": "r000000", "real_text": f"text {SCRIPT}", "similarity": 1.0}
    broken = [
        ("unsure_label", {"judged_label": "positive", "margin": 0.3}, "the plot is dull but grand"),
        ("unsure_label", {"judged_label": "negative", "margin": 0.2}, "a dull affair"),
        ("near_duplicate", earlier, "a plain text number nought"),
        ("demonstration_copy", real, "text number 0"),
        ("foreign_script", {"scripts": {"ARABIC": 3}, "share": 0.4}, "something else"),
    ]
    return [
        {**candidate(200 + at, text), "rule": rule, "evidence": evidence, "label_scores": None}
        for at, (rule, evidence, text) in enumerate(broken)
    ]


def labelled_rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return texts that came without labels: those that got one, and the others."""
    scores = {"negative": -0.1, "positive": -2.35}
    kept = [{"id": f"u{at}", "text": f"a text of somebody {at}", "label_scores": scores} for at in range(3)]
    evidence = {"judged_label": "negative", "margin": 0.1}
    unsure = {
        "id": "u9",
        "text": "so so",
        "rule": "unsure_label",
        "evidence": evidence,
        "label_scores": scores,
    }
    return [{**row, "judged_label": "negative"} for row in kept], [unsure]


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
    labelled_kept, labelled_rejected = labelled_rows()
    write_rows(paths.LABELLED, labelled_kept)
    write_rows(paths.LABELLED_REJECTED, labelled_rejected)
    scoring = {"accuracy": {"probe": 0.9, "pooled": 0.91}, "weights": {"probe": 2.5}, "real_rows": 84}
    counts = {
        "kept": 3,
        "rejected": {"empty": 0, "unsure_label": 1},
        "labels": {"negative": 3, "positive": 0},
    }
    write_json(
        paths.METRICS / "label.json", {"texts": 4, **counts, "label_scoring": scoring, "seconds": 66.0}
    )
    write_json(paths.METRICS / "generate.json", {"tokens": 4000, "seconds": 866.5, "tokens_per_s": 122.0})
    write_json(paths.METRICS / "top_up.json", {"added": 0})
    weights = {"real": 1.0, "synthetic": 0.3}
    chosen = {"weights": weights, "weights_tried": [{**weights, "log_likelihood": -0.4321}]}
    for name, (real, synthetic, unlabelled, _) in ARMS.items():
        training = {"train_rows": real + synthetic + unlabelled, "chosen": "fine_tune", "seeds": 2}
        training |= {"seconds": 60.0, "rows_per_s": 90.0, **(chosen if name == "mixed" else {})}
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
    lines = [f"llm,{share},{0.76 + share / 10},{0.75 + share / 10}" for share in (0.0, 0.5, 1.0)]
    text = "\n".join(["fallback,share,accuracy,macro_f1", *lines]) + "\n"
    (paths.PLOTS / "escalation.csv").write_text(text)
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
