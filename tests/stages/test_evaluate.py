import csv
from pathlib import Path

import pytest
import yaml

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.params import load_params
from labelmint.core.records import read_json, read_rows, write_json, write_rows
from stages.evaluate import main

# How many of the 40 test rows each arm gets wrong; the second seed one more.
WRONG = {"real": 16, "synthetic": 12, "mixed": 9, "texts": 10, "real_30": 12, "real_40": 8, "real_50": 5}
# Real, synthetic and unlabelled rows.
ROWS = {"synthetic": (0, 200, 0), "mixed": (20, 200, 0), "texts": (20, 0, 90)}
UNFILLED = dict.fromkeys(["train_rows", "real", "synthetic", "unlabelled", "seeds"], 0) | {
    "student": "linear_head"
}
ROWS |= {"real_30": (30, 0, 0), "real_40": (40, 0, 0), "real_50": (50, 0, 0)}
TABLES = ["confusion.csv", "learning_curve.csv", "reliability.csv", "escalation.csv"]
OUTPUTS = [
    "metrics/evaluate.json",
    "metrics/predictions.json",
    "data/evaluation/hardest.jsonl",
    *(f"metrics/plots/{name}" for name in TABLES),
]
# Wrong rows of other students; the language model is better than any arm.
STUDENTS = {"llm": 3, "majority": 20}
SOURCES = ("real", "synthetic", "unlabelled")
OTHER = {"negative": "positive", "positive": "negative"}


@pytest.fixture(autouse=True)
def predictions(prepared, set_params):
    """Write every arm's predictions by hand."""
    set_params({"evaluate.bootstrap_samples": 100, "train.student": "auto"})
    for arm, wrong in {**WRONG, **STUDENTS}.items():
        predict(arm, wrong)
    declared = {arm: {"real": "all"} for arm in WRONG}
    set_params({"arms": {**declared, **{name: {"real": "all", "student": name} for name in STUDENTS}}})
    for name, seconds in {"generate": 75, "top_up": 15, "filter": 30, "label": 60}.items():
        write_json(paths.METRICS / f"{name}.json", {"seconds": seconds})
    write_json(paths.METRICS / "arms.json", {"arms": {}, "left_out": {"real_9": "it needs 9 rows"}})


def answers(wrong, seed=1):
    """Return predictions of which the first are wrong."""
    rows = []
    for at, row in enumerate(read_rows(paths.TEST_LABELS)):
        answer = OTHER[row["label"]] if at < wrong else row["label"]
        shares = {name: 0.9 if name == answer else 0.1 for name in OTHER}
        rows.append({"seed": seed, "id": row["id"], "probabilities": shares})
    return rows


def predict(arm, wrong):
    """Write the predictions of an arm whose two seeds get that many rows wrong, and one more."""
    write_rows(paths.predictions(arm), answers(wrong) + answers(wrong + 1, seed=2))
    rows = dict(zip(SOURCES, ROWS.get(arm, (20, 0, 0)), strict=True))
    training = {"train_rows": sum(rows.values()), **rows, "student": arm if arm in STUDENTS else "auto"}
    training["texts_per_s"] = 17.0 if arm == "llm" else 340.0
    write_json(paths.METRICS / "train" / f"{arm}.json", training)


def change(path, edit):
    write_rows(path, edit(read_rows(path)))


def result():
    return read_json(paths.METRICS / "evaluate.json")


@pytest.fixture
def evaluated():
    """Evaluate the predictions; return the result."""
    main()
    return result()


def table(name):
    with (paths.PLOTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.usefixtures("evaluated")
def test_the_plots_name_the_columns_of_the_tables(prepared):
    stage = yaml.safe_load((prepared / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["evaluate"]
    for plot in stage["plots"]:
        for name, settings in plot.items():
            header = set(
                csv.DictReader((prepared / name).read_text(encoding="utf-8").splitlines()).fieldnames
            )
            assert {settings["x"], settings["y"]} <= header


def test_scores_are_of_the_predictions(evaluated):
    assert evaluated["task"] == "tiny"
    assert evaluated["test_rows"] == 40
    assert list(evaluated["arms"]) == list(load_params().arms)
    assert evaluated["left_out"] == {"real_9": "it needs 9 rows"}
    for arm, wrong in WRONG.items():
        entry = evaluated["arms"][arm]
        assert entry["accuracy"]["mean"] == pytest.approx(1 - (wrong + 0.5) / 40, abs=1e-4)
        assert tuple(entry[source] for source in SOURCES) == ROWS.get(arm, (20, 0, 0))
        assert set(entry["slices"]) == {"length", "label"}
    gain = evaluated["gain"]["mixed_vs_real"]
    assert gain["accuracy"] == pytest.approx(7 / 40, abs=1e-4)
    assert gain["p_adjusted"] > gain["p_value"]  # there are several
    assert 30 < evaluated["label_equivalence"]["mixed"]["rows"] < 40


def test_the_order_of_the_predictions_does_not_matter(prepared):
    main()
    first = [(prepared / name).read_bytes() for name in OUTPUTS]
    for arm in WRONG:
        change(
            paths.predictions(arm), lambda rows: sorted(rows, key=lambda row: (row["seed"], row["id"][::-1]))
        )
    main()
    assert [(prepared / name).read_bytes() for name in OUTPUTS] == first


def test_the_tables_are_of_the_mixed_arm_and_the_real_ones(evaluated):
    confusion, curve = table("confusion.csv"), table("learning_curve.csv")
    answers = [row["label"] for row in read_rows(paths.TEST_LABELS)]
    assert [row["label"] for row in confusion] == answers
    assert sum(row["label"] != row["predicted"] for row in confusion) == WRONG["mixed"]
    assert [row["kind"] for row in curve] == ["real"] * 4 + ["mixed"] * 2 + ["synthetic"]
    assert [row["rows"] for row in curve] == ["20", "30", "40", "50", "110", "220", "200"]
    assert float(curve[0]["score"]) == evaluated["arms"]["real"]["accuracy"]["mean"]
    reliability = table("reliability.csv")
    assert {row["arm"] for row in reliability} == {*WRONG, *STUDENTS}
    assert reliability[0] == {
        "arm": "real",
        "bin": "13",
        "confidence": "0.9",
        "accuracy": str(round(1 - (WRONG["real"] + 0.5) / 40, 4)),
        "rows": "80",
    }


def test_without_made_rows_the_confusion_is_of_the_first_arm(set_params):
    set_params({"arms": {"real": {"real": "all"}}})
    main()
    assert sum(row["label"] != row["predicted"] for row in table("confusion.csv")) == WRONG["real"]
    assert result()["label_equivalence"] == {}


PREDICTED, LABELS, INPUTS = paths.predictions("mixed"), paths.TEST_LABELS, paths.TEST_INPUTS
OTHER_ROWS = "predictions are not of the rows of data/real/test_labels.jsonl; run `dvc repro`"
HALVES = {"positive": 0.5, "negative": 0.5}
THREE = {"negative": 0.5, "positive": 0.25, "neutral": 0.25}


@pytest.mark.parametrize(
    ("path", "edit", "message"),
    [
        (PREDICTED, lambda rows: rows[1:], OTHER_ROWS),  # a row of one seed is missing
        (PREDICTED, lambda rows: [*rows, {**rows[0], "id": "r999999"}], OTHER_ROWS),
        (PREDICTED, lambda rows: [], OTHER_ROWS),
        (
            PREDICTED,
            lambda rows: [*rows[:-1], {**rows[-1], "probabilities": HALVES}],
            "has the labels ['positive', ",
        ),
        (
            PREDICTED,
            lambda rows: [*rows[:-1], {**rows[-1], "probabilities": THREE}],
            "has the labels ['negative', ",
        ),
        (
            LABELS,
            lambda rows: [{**rows[0], "label": "mixed feelings"}, *rows[1:]],
            "labels ['mixed feelings'",
        ),
        (INPUTS, lambda rows: rows[1:], "not the rows of data/real/test_labels"),
    ],
)
def test_files_that_do_not_belong_together_are_an_error(prepared, path, edit, message):
    change(path, edit)
    with pytest.raises(DataError) as caught:
        main()
    assert str(caught.value).startswith(f"{path}: {message}")
    assert str(caught.value).endswith("run `dvc repro`")
    assert not any((prepared / name).exists() for name in OUTPUTS)


def test_without_test_labels_the_keys_are_the_same_and_nothing_is_scored(evaluated):
    for path in (paths.TEST_LABELS, paths.TEST_INPUTS, *map(paths.predictions, [*WRONG, *STUDENTS])):
        write_rows(path, [])
    main()
    unscored = result()
    assert list(unscored) == list(evaluated)
    assert (unscored["test_rows"], unscored["note"]) == (0, "no test labels: nothing could be scored")
    assert (unscored["gain"], unscored["label_equivalence"]) == ({}, {})
    assert (unscored["subjectivity"], read_rows(paths.HARDEST)) == ({}, [])
    assert [table(name) for name in TABLES] == [[], [], [], []]


def test_other_students_are_scored_and_compared(evaluated):
    assert evaluated["gain"]["mixed_vs_llm"]["accuracy"] == pytest.approx(-6 / 40, abs=1e-4)
    assert set(evaluated["gain"]) == {
        "mixed_vs_real",
        "texts_vs_real",
        "synthetic_vs_real",
        "mixed_vs_synthetic",
        "mixed_vs_llm",
        "mixed_vs_majority",
    }
    # Its second seed answers one of 40 rows otherwise.
    assert evaluated["subjectivity"]["agreement"] == 0.975


def test_a_student_on_another_encoder_is_another_student():
    path = paths.METRICS / "train/texts.json"
    write_json(path, {**read_json(path), "encoder": "small"})
    main()
    evaluated = result()
    assert evaluated["arms"]["texts"]["student"] == f"{evaluated['arms']['mixed']['student']} on small"
    assert "texts_vs_real" not in evaluated["gain"]
    assert {"mixed", "texts"} < {entry["arm"] for entry in evaluated["speeds"]}


def test_sources_speeds_and_the_alternative_are_told(evaluated):
    assert evaluated["metric"] == "accuracy"
    assert {name: (entry["arm"], entry["minutes"]) for name, entry in evaluated["sources"].items()} == {
        "synthetic": ("mixed", 2.0),
        "unlabelled": ("texts", 1.0),
    }
    assert [entry["arm"] for entry in evaluated["speeds"]] == ["llm", "mixed", "majority"]
    assert evaluated["alternative"]["arm"] == "texts"


@pytest.mark.usefixtures("evaluated")
def test_the_main_arm_passes_texts_on_to_the_language_model():
    curve = table("escalation.csv")
    assert {row["fallback"] for row in curve} == {"llm"}
    assert float(curve[0]["share"]) == 0
    assert float(curve[0]["accuracy"]) == pytest.approx(1 - WRONG["mixed"] / 40)


def test_where_real_labels_are_unbalanced_the_headline_goes_by_macro_f1(set_params):
    rows = read_rows(paths.REAL_TRAIN)
    write_rows(paths.REAL_TRAIN, [{**row, "label": "negative"} for row in rows[1:]] + rows[:1])
    main()
    assert result()["metric"] == "macro_f1"
    gain, arms = result()["gain"]["mixed_vs_real"], result()["arms"]
    difference = arms["mixed"]["macro_f1"]["mean"] - arms["real"]["macro_f1"]["mean"]
    assert gain["macro_f1"] == pytest.approx(difference, abs=2e-4)
    assert float(table("learning_curve.csv")[0]["score"]) == arms["real"]["macro_f1"]["mean"]
    set_params({"evaluate.metric": "accuracy"})
    main()
    assert result()["metric"] == "accuracy"


@pytest.mark.usefixtures("evaluated")
def test_the_hardest_rows_are_those_that_most_arms_get_wrong():
    rows = read_rows(paths.HARDEST)
    inputs, labels = read_rows(paths.TEST_INPUTS), read_rows(paths.TEST_LABELS)
    assert [row["id"] for row in rows] == [row["id"] for row in inputs[: STUDENTS["majority"] + 1]]
    assert rows[0] == {
        **inputs[0],
        "label": labels[0]["label"],
        "wrong": 1.0,
        "predicted": dict.fromkeys([*WRONG, *STUDENTS], OTHER[labels[0]["label"]]),
    }
    assert [row["wrong"] for row in rows] == sorted((row["wrong"] for row in rows), reverse=True)


def test_an_arm_that_the_data_could_not_fill_is_left_out():
    write_rows(paths.predictions("real_50"), [])
    write_json(paths.METRICS / "train/real_50.json", UNFILLED)
    main()
    assert list(result()["arms"]) == [arm for arm in [*WRONG, *STUDENTS] if arm != "real_50"]


def test_without_any_arm_that_could_be_filled_there_is_an_error(set_params):
    set_params({"arms": {"real_50": {"real": 50}}})
    write_json(paths.METRICS / "train/real_50.json", UNFILLED)
    with pytest.raises(DataError, match=r"the data can fill none of them \(.*\); declare another one"):
        main()


def test_what_an_arm_left_that_is_no_longer_declared_goes_and_nothing_else(set_params, capsys):
    """DVC would record it as part of the folders that evaluate reads, and never push it."""
    for arm in ("real_30", "real", "mine"):
        write_rows(paths.curves(arm) / "loss.jsonl", [{"step": 1}])
    write_rows(paths.predictions("mine"), [{"text": "an answer of `labelmint predict`"}])
    stages = {f"train@{arm}": {"cmd": ""} for arm in ("real_30", "real")}
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}), encoding="utf-8")
    set_params({"arms": {name: {"real": "all"} for name in WRONG if name != "real_30"}})
    main()
    for folder in (paths.PREDICTIONS, paths.TRAIN_METRICS):
        left = {path.stem for path in folder.iterdir()} - {"mine"}
        assert left == {*WRONG, *STUDENTS} - {"real_30"}
    assert {path.name for path in paths.CURVES.iterdir()} == {"real", "mine"}
    said = capsys.readouterr().err
    assert "removed what arms left that params.yaml no longer has: real_30\n" in said
    assert "data/predictions/mine.jsonl is no arm's, and dvc.lock records it; move it" in said
