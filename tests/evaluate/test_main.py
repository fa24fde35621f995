import csv
import json

import pytest
import yaml

from stages import paths
from stages.errors import DataError
from stages.evaluate import verdict
from stages.evaluate.__main__ import main
from stages.params import load_params
from stages.records import read_rows, write_json, write_rows

# How many of the 40 test rows each arm gets wrong; the second seed one more.
WRONG = {"real": 16, "synthetic": 12, "mixed": 9, "real_30": 12, "real_40": 8, "real_50": 5}
TRAIN_ROWS = {"real": 20, "synthetic": 200, "mixed": 220, "real_30": 30, "real_40": 40, "real_50": 50}
OUTPUTS = ["metrics/evaluate.json", "metrics/plots/confusion.csv", "metrics/plots/learning_curve.csv"]
OTHER = {"negative": "positive", "positive": "negative"}


@pytest.fixture(autouse=True)
def predictions(prepared, set_params):
    """Write every arm's predictions by hand."""
    set_params({"evaluate.bootstrap_samples": 200})
    for arm, wrong in WRONG.items():
        predict(arm, wrong)


def predict(arm, wrong):
    """Write the predictions of an arm whose two seeds get that many rows wrong, and one more."""
    answers = read_rows(paths.TEST_LABELS)
    rows = []
    for seed in (1, 2):
        for at, row in enumerate(answers):
            said = OTHER[row["label"]] if at < wrong + seed - 1 else row["label"]
            shares = {name: 0.9 if name == said else 0.1 for name in OTHER}
            rows.append({"seed": seed, "id": row["id"], "probabilities": shares})
    write_rows(paths.predictions(arm), rows)
    write_json(paths.METRICS / "train" / f"{arm}.json", {"train_rows": TRAIN_ROWS[arm]})


def change(arm, edit):
    rows = read_rows(paths.predictions(arm))
    write_rows(paths.predictions(arm), edit(rows))


def result():
    return json.loads((paths.METRICS / "evaluate.json").read_text(encoding="utf-8"))


def table(name):
    with (paths.PLOTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_written_is_what_dvc_yaml_declares(prepared):
    before = {path for path in prepared.rglob("*") if path.is_file()}
    main()
    made = {path for path in prepared.rglob("*") if path.is_file()} - before
    stage = yaml.safe_load((prepared / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["evaluate"]
    declared = [name for kind in ("metrics", "plots") for entry in stage[kind] for name in entry]
    assert {str(path.relative_to(prepared)) for path in made} == set(declared) == set(OUTPUTS)


def test_the_plots_name_the_columns_of_the_tables(prepared):
    main()
    stage = yaml.safe_load((prepared / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["evaluate"]
    for plot in stage["plots"]:
        for name, settings in plot.items():
            header = set(
                csv.DictReader((prepared / name).read_text(encoding="utf-8").splitlines()).fieldnames
            )
            assert {settings["x"], settings["y"]} <= header


def test_scores_are_of_the_predictions():
    main()
    found = result()
    assert found["task"] == "tiny"
    assert found["test_rows"] == 40
    assert list(found["arms"]) == load_params().arms
    for arm, wrong in WRONG.items():
        entry = found["arms"][arm]
        assert entry["accuracy"]["mean"] == pytest.approx(1 - (wrong + 0.5) / 40, abs=1e-4)
        assert entry["train_rows"] == TRAIN_ROWS[arm]
    assert found["gain"]["mixed_vs_real"]["accuracy"] == pytest.approx(7 / 40, abs=1e-4)
    assert 30 < found["label_equivalence"]["mixed"]["rows"] < 40


def test_the_order_of_the_rows_does_not_matter():
    main()
    first = result()
    for arm in WRONG:
        change(arm, lambda rows: sorted(rows, key=lambda row: (row["seed"], row["id"][::-1])))
    main()
    assert result() == first


def test_the_tables_are_of_the_mixed_arm_and_the_real_ones():
    main()
    confusion, curve = table("confusion.csv"), table("learning_curve.csv")
    answers = [row["label"] for row in read_rows(paths.TEST_LABELS)]
    assert [row["label"] for row in confusion] == answers
    assert sum(row["label"] != row["predicted"] for row in confusion) == WRONG["mixed"]
    assert [row["rows"] for row in curve] == ["20", "30", "40", "50"]


def test_without_a_mixed_arm_the_confusion_is_of_the_first_one(set_params):
    set_params({"arms": ["real", "synthetic"]})
    main()
    assert sum(row["label"] != row["predicted"] for row in table("confusion.csv")) == WRONG["real"]
    assert result()["label_equivalence"] == {}


def test_running_again_writes_the_same_bytes(prepared):
    main()
    first = [(prepared / name).read_bytes() for name in OUTPUTS]
    main()
    assert [(prepared / name).read_bytes() for name in OUTPUTS] == first


@pytest.mark.parametrize(
    "edit",
    [
        lambda rows: rows[1:],  # a row of one seed is missing
        lambda rows: rows[:-40] + rows[-39:],
        lambda rows: [*rows, {**rows[0], "id": "r999999"}],
        lambda rows: [{**row, "id": f"x{row['id']}"} for row in rows],
        lambda rows: [],
    ],
)
def test_predictions_of_other_rows_are_an_error(prepared, edit):
    change("mixed", edit)
    with pytest.raises(DataError) as caught:
        main()
    assert str(caught.value) == (
        "data/predictions/mixed.jsonl: predictions are not of the rows of data/real/test_labels.jsonl; "
        "run `dvc repro`"
    )
    assert not any((prepared / name).exists() for name in OUTPUTS)


@pytest.mark.parametrize(
    "probabilities",
    [
        {"positive": 0.5, "negative": 0.5},
        {"negative": 1.0},
        {"negative": 0.5, "positive": 0.25, "neutral": 0.25},
        {"neg": 0.5, "pos": 0.5},
    ],
)
def test_predictions_of_other_labels_are_an_error(probabilities):
    change("real_30", lambda rows: [*rows[:-1], {**rows[-1], "probabilities": probabilities}])
    with pytest.raises(
        DataError, match=r"^data/predictions/real_30\.jsonl: labels \[.*\] are not the task's"
    ):
        main()


def test_an_arm_without_predictions_is_an_error_that_says_what_to_run():
    paths.predictions("synthetic").unlink()
    with pytest.raises(DataError, match=r"data/predictions/synthetic\.jsonl: no such file; run `dvc repro`"):
        main()


def test_test_labels_that_the_card_does_not_know_are_an_error():
    rows = read_rows(paths.TEST_LABELS)
    write_rows(paths.TEST_LABELS, [{**rows[0], "label": "mixed feelings"}, *rows[1:]])
    with pytest.raises(DataError, match=r"data/real/test_labels\.jsonl: .*'mixed feelings'.*run `dvc repro`"):
        main()


def test_the_verdict_says_the_answer(capsys):
    main()
    verdict.main()
    said = capsys.readouterr().out
    found = result()
    for arm, entry in found["arms"].items():
        line = next(line for line in said.splitlines() if line.split()[:1] == [arm])
        assert f"{entry['accuracy']['mean']:.3f}" in line
        assert f" {entry['train_rows']} rows" in line
    assert f"{100 * found['gain']['mixed_vs_real']['accuracy']:+.1f} points" in said
    assert f" {found['label_equivalence']['mixed']['rows']} real labels" in said


def test_the_verdict_does_without_what_is_not_there(capsys, set_params):
    set_params({"arms": ["real"]})
    main()
    verdict.main()
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_verdict_before_the_pipeline_is_an_error():
    with pytest.raises(DataError, match=r"metrics/evaluate\.json: no such file; run `dvc repro`"):
        verdict.main()


def without_test_labels(*arms):
    write_rows(paths.TEST_LABELS, [])
    for arm in arms:
        change(arm, lambda rows: [])


def test_without_test_labels_the_keys_are_the_same_and_nothing_is_scored(prepared):
    main()
    scored = result()
    without_test_labels(*WRONG)
    main()
    found = result()
    assert list(found) == list(scored)
    assert (found["test_rows"], found["note"]) == (0, "no test labels: nothing could be scored")
    assert found["arms"] == {arm: {"train_rows": rows} for arm, rows in TRAIN_ROWS.items()}
    assert (found["gain"], found["label_equivalence"], found["baselines"]) == ({}, {}, {})
    assert (table("confusion.csv"), table("learning_curve.csv")) == ([], [])


def test_without_test_labels_the_verdict_is_a_line(set_params, capsys):
    set_params({"arms": ["synthetic"], "real.rows": 0})
    without_test_labels("synthetic")
    main()
    verdict.main()
    said = capsys.readouterr().out
    assert said == "tiny: no test labels: nothing could be scored; trained: synthetic (200 rows)\n"


def test_predictions_without_test_labels_are_an_error():
    write_rows(paths.TEST_LABELS, [])
    with pytest.raises(DataError, match="predictions are not of the rows of"):
        main()


def test_the_synthetic_arm_is_scored_without_real_rows(set_params):
    set_params({"arms": ["synthetic"], "real.rows": 0})
    main()
    assert list(result()["arms"]) == ["synthetic"]
    assert result()["gain"] == {}
