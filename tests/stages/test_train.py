import errno
import math
import re

import numpy as np
import pytest
import yaml
from transformers import pipeline

from labelmint.core import paths
from labelmint.core.errors import DataError, ModelError, ParamsError
from labelmint.core.records import read_json, read_rows, write_rows
from labelmint.llm.catalog.pinning import pin
from labelmint.students import schedule
from labelmint.students.loading import load_student
from labelmint.students.registry import STUDENTS
from stages.train import main
from tests.llm.scripted import scripted_server

pytestmark = pytest.mark.usefixtures("small")
OUTPUTS = ["models/real", "data/predictions/real.jsonl", "metrics/train/real.json", "metrics/curves/real"]


def slow_if_tuned(student):
    marks = [pytest.mark.slow] if student in ("auto", "fine_tune") else []
    return pytest.param(student, marks=marks)


def made(project):
    """Return the bytes of what the stage wrote for the arm `real`."""
    files = [
        path for name in OUTPUTS for path in [project / name, *(project / name).rglob("*")] if path.is_file()
    ]
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in files}


def metrics(arm="real"):
    return read_json(paths.METRICS / "train" / f"{arm}.json")


@pytest.mark.parametrize("student", [slow_if_tuned(name) for name in STUDENTS])
def test_every_student_predicts_every_test_row_with_every_seed(set_params, student):
    set_params({"train.student": student})
    main("real")
    predictions = read_rows(paths.predictions("real"))
    ids = [row["id"] for row in read_rows(paths.TEST_INPUTS)]
    assert [(row["seed"], row["id"]) for row in predictions] == [
        (seed, name) for seed in (1, 2) for name in ids
    ]
    for row in predictions:
        assert set(row) == {"seed", "id", "probabilities"}
        assert list(row["probabilities"]) == ["negative", "positive"]
        assert math.isclose(sum(row["probabilities"].values()), 1, abs_tol=2e-6)
        assert all(0 <= value <= 1 for value in row["probabilities"].values())
    assert {key: metrics()[key] for key in ("train_rows", "real", "synthetic", "student", "seeds")} == {
        "train_rows": 20,
        "real": 20,
        "synthetic": 0,
        "student": student,
        "seeds": 2,
    }


@pytest.mark.parametrize(("arm", "least"), [("llm", 1), ("tfidf", 0.6), ("majority", 0.5), ("real", 0.5)])
def test_students_are_about_as_good_as_expected_and_predict_so_when_they_are_loaded(arm, least):
    main(arm)
    labels = {row["id"]: row["label"] for row in read_rows(paths.TEST_LABELS)}
    rows = read_rows(paths.predictions(arm))
    right = [max(row["probabilities"], key=row["probabilities"].get) == labels[row["id"]] for row in rows]
    assert np.mean(right) >= least
    if arm != "llm":
        loaded = load_student(paths.model(arm)).predict_proba(read_rows(paths.TEST_INPUTS))
        expected = [[*row["probabilities"].values()] for row in rows if row["seed"] == 1]
        np.testing.assert_allclose(loaded, expected, atol=1e-4)


def test_an_arm_may_have_fewer_seeds():
    main("few")
    assert {row["seed"] for row in read_rows(paths.predictions("few"))} == {1}
    assert (metrics("few")["seeds"], metrics("few")["train_rows"]) == (1, 8)


@pytest.mark.slow
def test_the_saved_model_is_that_of_the_first_seed(set_params):
    set_params({"train.student": "fine_tune", "train.learning_rate": 2e-2})
    main("real")
    classify = pipeline("text-classification", model=str(paths.model("real")), top_k=None)
    texts = [row["text"] for row in read_rows(paths.TEST_INPUTS)]
    by_seed = {1: [], 2: []}
    for row in read_rows(paths.predictions("real")):
        by_seed[row["seed"]].append(row["probabilities"]["positive"])
    answers = [
        next(entry["score"] for entry in answer if entry["label"] == "positive")
        for answer in classify(texts, batch_size=8, truncation=True)
    ]
    apart = {seed: np.abs(np.array(values) - answers).max() for seed, values in by_seed.items()}
    assert apart[1] < 1e-3 < apart[2]


def test_arms_do_not_touch_each_other_or_need_the_test_labels(prepared):
    paths.TEST_LABELS.unlink()
    main("real")
    first = made(prepared)
    main("real_30")
    assert made(prepared) == first
    assert metrics("real_30")["train_rows"] == 30


@pytest.mark.parametrize("arm", ["real", "llm", "tfidf", "majority"])
def test_without_test_rows_nothing_is_predicted_and_the_student_is_saved(arm):
    write_rows(paths.TEST_INPUTS, [])
    main(arm)
    assert read_rows(paths.predictions(arm)) == []
    assert (paths.model(arm) / "student.json").is_file()


def test_a_label_without_rows_in_the_arm_is_still_in_the_predictions():
    card = paths.TASKS / "tiny.yaml"
    content = yaml.safe_load(card.read_text(encoding="utf-8"))
    content["labels"]["neu"] = {"name": "neutral", "phrase": "neutral"}
    card.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    for arm in ("real", "tfidf"):
        main(arm)
        rows = [row["probabilities"] for row in read_rows(paths.predictions(arm))]
        assert {tuple(row) for row in rows} == {("negative", "positive", "neutral")}
        assert max(row["neutral"] for row in rows) < 1e-3


def test_an_unknown_arm_is_an_error_that_lists_the_known_ones(prepared):
    with pytest.raises(ParamsError, match=r"no arm 'real_7'; there are real, real_30, real_90"):
        main("real_7")
    assert made(prepared) == {}


def test_an_arm_that_the_data_cannot_fill_writes_empty_outputs_and_a_note():
    main("real_90")
    assert read_rows(paths.predictions("real_90")) == []
    assert (metrics("real_90")["train_rows"], metrics("real_90")["seeds"]) == (0, 0)
    with pytest.raises(ModelError, match="the data can't fill this arm"):
        load_student(paths.model("real_90"))


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.ENOSPC, "No space left on device")])
def test_a_machine_without_memory_or_space_is_not_a_damaged_student(prepared, monkeypatch, error):
    def no_load(*_):
        raise error

    main("real")
    monkeypatch.setattr(type(load_student(paths.model("real"))), "load", no_load)
    with pytest.raises(type(error)):
        load_student(paths.model("real"))


@pytest.mark.parametrize(
    ("arm", "label", "problem"),
    [
        ("real", "negative", "20 rows of fewer than two labels"),
        ("tfidf", "negative", "20 rows of fewer than two labels"),
        ("real", "mixed feelings", ".*'mixed feelings'.*run `dvc repro`"),
    ],
)
def test_rows_of_a_single_label_or_one_that_the_card_lacks_are_an_error(prepared, arm, label, problem):
    rows = read_rows(paths.arm_rows(arm))
    write_rows(paths.arm_rows(arm), [{**row, "label": label} for row in rows])
    with pytest.raises(DataError, match=rf"data/arms/{arm}\.jsonl: {problem}"):
        main(arm)
    assert not [name for name in made(prepared) if not name.startswith("metrics/curves/")]


def test_an_arm_that_an_earlier_version_wrote_is_an_error():
    """Without folds, held-out rows would be known to those that labelled the others."""
    rows = read_rows(paths.arm_rows("real"))
    for row in rows:
        del row["fold"]
    write_rows(paths.arm_rows("real"), rows)
    with pytest.raises(DataError, match="an earlier version; run `dvc repro`"):
        main("real")


def test_an_arm_may_have_another_encoder(set_params):
    main("real")
    small, classes = metrics(), [type(load_student(paths.model("real")))]
    set_params({"arms.real": {"real": "all", "encoder": "tiny"}, "train.encoder": "nonesuch"})
    main("real")
    assert metrics() == {**small, "encoder": "tiny", "texts_per_s": metrics()["texts_per_s"]}
    assert [type(load_student(paths.model("real")))] == classes
    set_params({"train.encoder": "tiny"})
    main("real")
    assert "encoder" not in metrics()  # the default one, named once more: the same student


@pytest.mark.parametrize("student", [slow_if_tuned("auto"), "linear_head", "llm"])
def test_the_progress_bar_ends_at_100_percent_and_nothing_else_is_printed(capsys, set_params, student):
    set_params({"train.student": student})
    pin("tiny")  # without a hash there is a note
    capsys.readouterr()
    main("real")
    captured = capsys.readouterr()
    assert captured.out == ""
    percents = [int(percent) for percent in re.findall(r"(\d+)%", captured.err)]
    assert percents[-1] == 100 == max(percents)
    assert not [line for line in captured.err.splitlines() if line.strip() and "train real:" not in line]


@pytest.mark.slow
def test_fine_tuning_writes_its_curves_and_sends_them_nowhere(prepared, set_params, monkeypatch):
    set_params({"train.student": "fine_tune", "train.epochs": 2, "train.batch_rows": 4})
    monkeypatch.setattr(schedule, "MIN_STEPS", 0)
    with scripted_server() as studio:
        for name, value in {"TOKEN": "t", "URL": studio.url, "REPO_URL": "git@example.org:a/b.git"}.items():
            monkeypatch.setenv(f"DVC_STUDIO_{name}", value)
        main("real")
    assert studio.seen == []
    folder = paths.curves("real")
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    curves = {f"plots/metrics/seed_{seed}/{curve}.tsv" for seed in (1, 2) for curve in ("loss", "accuracy")}
    assert set(files) == curves
    (header, *loss), (_, *accuracy) = (
        [line.split("\t") for line in files[f"plots/metrics/seed_1/{curve}.tsv"].read_text().splitlines()]
        for curve in ("loss", "accuracy")
    )
    assert header == ["step", "loss"]
    assert [int(step) for step, _ in loss] == list(range(1, 11))  # 20 rows, twice, in batches of 4
    assert [int(step) for step, _ in accuracy] == [5, 10]
    assert all(0 <= float(value) <= 1 for _, value in accuracy)


def test_students_without_a_curve_leave_an_empty_table_in_the_place_of_old_ones():
    old = paths.curves("tfidf") / "plots/old.tsv"
    old.parent.mkdir(parents=True)
    old.touch()
    main("tfidf")
    (table,) = (path for path in paths.curves("tfidf").rglob("*") if path.is_file())
    assert table.read_text() == "step\tloss\n"
