import json
import math

import pytest
import yaml
from transformers import pipeline

from labelmint.core import paths
from labelmint.core.errors import DataError, ModelError, ParamsError
from labelmint.core.params import load_params
from labelmint.core.records import read_rows, write_rows
from labelmint.llm.catalog.__main__ import pin
from stages.train import main

pytestmark = pytest.mark.usefixtures("small")
OUTPUTS = ["models/real", "data/predictions/real.jsonl", "metrics/train/real.json"]


@pytest.fixture
def small(prepared, tiny_encoder, set_params):
    """Train with the tiny encoder, and validate by two splits."""
    set_params({"train.validation_share": 0.5})


def made(project):
    """Return the bytes of what the stage wrote for the arm `real`."""
    files = [
        path for name in OUTPUTS for path in [project / name, *(project / name).rglob("*")] if path.is_file()
    ]
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in files}


def metrics(arm="real"):
    return json.loads((paths.METRICS / "train" / f"{arm}.json").read_text(encoding="utf-8"))


def test_what_is_written_is_what_dvc_yaml_declares(prepared):
    before = {path for path in prepared.rglob("*") if path.is_file()}
    main("real")
    files = {path for path in prepared.rglob("*") if path.is_file()} - before
    stage = yaml.safe_load((prepared / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["train"]
    declared = [*stage["outs"], *(name for metric in stage["metrics"] for name in metric)]
    declared = [name.replace("${item.arm}", "real") for name in declared]
    assert sorted(declared) == sorted(OUTPUTS)
    assert all(any(path.is_relative_to(prepared / name) for name in declared) for path in files)
    assert all((prepared / name).exists() for name in declared)


@pytest.mark.parametrize("recipe", ["linear_head", "fine_tune"])
def test_every_seed_predicts_every_test_row(set_params, recipe):
    set_params({"train.recipe": recipe})
    main("real")
    predictions = read_rows(paths.predictions("real"))
    ids = [row["id"] for row in read_rows(paths.TEST_INPUTS)]
    assert [(row["seed"], row["id"]) for row in predictions] == [
        (seed, own) for seed in (1, 2) for own in ids
    ]
    for row in predictions:
        assert set(row) == {"seed", "id", "probabilities"}
        assert list(row["probabilities"]) == ["negative", "positive"]
        assert math.isclose(sum(row["probabilities"].values()), 1, abs_tol=2e-6)
        assert all(0 <= value <= 1 for value in row["probabilities"].values())


def test_a_point_of_a_curve_is_trained_with_fewer_seeds(set_params):
    set_params({"train.recipe": "linear_head", "train.seeds": [7, 8, 9], "train.curve_seeds": 2})
    point = load_params().arms[-1]
    write_rows(paths.arm_rows(point), read_rows(paths.arm_rows("real")))
    for arm, seeds in (("real", [7, 8, 9]), (point, [7, 8])):
        main(arm)
        assert sorted({row["seed"] for row in read_rows(paths.predictions(arm))}) == seeds
        assert metrics(arm)["seeds"] == len(seeds)


def test_the_saved_model_is_that_of_the_first_seed(set_params):
    set_params({"train.recipe": "fine_tune", "train.learning_rate": 2e-2})
    main("real")
    classify = pipeline("text-classification", model=str(paths.model("real")), top_k=None)
    inputs = read_rows(paths.TEST_INPUTS)
    by_seed = {1: [], 2: []}
    for row in read_rows(paths.predictions("real")):
        by_seed[row["seed"]].append(row["probabilities"])
    said = [
        {entry["label"]: entry["score"] for entry in own}
        for own in classify([row["text"] for row in inputs], batch_size=8, truncation=True)
    ]
    apart = {
        seed: max(abs(own["positive"] - found["positive"]) for own, found in zip(expected, said, strict=True))
        for seed, expected in by_seed.items()
    }
    assert apart[1] < 1e-3 < apart[2]


def test_the_metrics_say_how_it_was_trained(set_params):
    set_params({"train.recipe": "auto"})
    main("real")
    found = metrics()
    assert set(found) >= {"train_rows", "recipe", "epochs", "validation_rows", "validation", "seeds"}
    assert (found["train_rows"], found["seeds"], found["validation_rows"]) == (20, 2, 20)
    assert (found["device"], found["precision"]) == ("cpu", "fp32")
    assert set(found["validation"]) == {"linear_head", "fine_tune"}
    best = max(found["validation"].values(), key=lambda own: own["accuracy"])
    assert found["validation"][found["recipe"]]["accuracy"] == best["accuracy"]
    assert found["epochs"] == 0 if found["recipe"] == "linear_head" else 1 <= found["epochs"] <= 2


@pytest.mark.parametrize("recipe", ["linear_head", "fine_tune"])
def test_running_again_gives_the_same_model_and_predictions(prepared, set_params, recipe):
    set_params({"train.recipe": recipe})
    main("real")
    first = made(prepared)
    main("real")
    second = made(prepared)
    assert len(first) > 4
    timed = "metrics/train/real.json"  # says how long it took
    assert {**second, timed: b""} == {**first, timed: b""}


def test_arms_do_not_touch_each_other(prepared):
    main("real")
    first = made(prepared)
    main("real_30")
    assert made(prepared) == first
    assert metrics("real_30")["train_rows"] == 30


def test_the_test_labels_are_not_needed():
    paths.TEST_LABELS.unlink()
    main("real")
    assert len(read_rows(paths.predictions("real"))) == 80


def test_a_label_without_rows_in_the_arm_is_still_in_the_predictions():
    card = paths.TASKS / "tiny.yaml"
    content = yaml.safe_load(card.read_text(encoding="utf-8"))
    content["labels"]["neu"] = {"name": "neutral", "phrase": "neutral"}
    card.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    main("real")
    rows = [row["probabilities"] for row in read_rows(paths.predictions("real"))]
    assert {tuple(row) for row in rows} == {("negative", "positive", "neutral")}
    assert max(row["neutral"] for row in rows) < 1e-3


def test_an_unknown_arm_is_an_error_that_lists_the_known_ones(prepared):
    with pytest.raises(ParamsError) as caught:
        main("real_7")
    message = str(caught.value)
    assert message == (
        "params.yaml: arms: no arm 'real_7'; it has real, synthetic, mixed, real_30, real_40, real_50"
    )
    assert made(prepared) == {}


@pytest.mark.parametrize("arm", ["real_30", "mixed_300", "synthetic_1000"])
def test_a_point_of_a_curve_that_has_no_rows_writes_empty_outputs(set_params, arm):
    set_params({"filter.curve": [300, 1000], "arms": ["real", arm]})
    write_rows(paths.arm_rows(arm), [])
    main(arm)
    assert read_rows(paths.predictions(arm)) == read_rows(paths.model(arm) / "empty.jsonl") == []
    metrics = json.loads((paths.METRICS / "train" / f"{arm}.json").read_text(encoding="utf-8"))
    assert metrics == {"train_rows": 0}


def test_an_arm_without_a_file_is_an_error_that_says_what_to_run():
    with pytest.raises(DataError, match=r"data/arms/mixed\.jsonl: no such file; run `dvc repro`"):
        main("mixed")


def test_rows_of_a_single_label_are_an_error(prepared):
    rows = [row for row in read_rows(paths.arm_rows("real")) if row["label"] == "negative"]
    write_rows(paths.arm_rows("real"), rows)
    with pytest.raises(DataError, match=r"data/arms/real\.jsonl: 10 rows of fewer than two labels"):
        main("real")
    assert made(prepared) == {}


def test_rows_of_a_label_that_the_card_does_not_know_are_an_error():
    rows = read_rows(paths.arm_rows("real"))
    write_rows(paths.arm_rows("real"), [{**rows[0], "label": "mixed feelings"}, *rows[1:]])
    with pytest.raises(DataError, match=r"data/arms/real\.jsonl: .*'mixed feelings'.*run `dvc repro`"):
        main("real")


@pytest.mark.parametrize("name", ["nonesuch", "gemma-3-270m"])
def test_an_encoder_that_is_none_is_an_error_with_the_key(set_params, name):
    set_params({"train.encoder": name})
    with pytest.raises(ParamsError, match=r"^params\.yaml: train\.encoder: "):
        main("real")


def test_an_encoder_without_its_file_is_an_error(edit, encoder_folder, tmp_path):
    edit("data/models.yaml", str(encoder_folder), str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match=r"^models/catalog\.yaml: tiny: path: no file "):
        main("real")


@pytest.mark.parametrize("failing", ["arm.fine_tune", "__main__.export"])
def test_an_error_in_training_leaves_what_the_last_run_wrote(prepared, monkeypatch, set_params, failing):
    def fail(*_, **__):
        raise RuntimeError("out of memory")

    main("real")
    first = made(prepared)
    set_params({"train.recipe": "fine_tune" if failing == "arm.fine_tune" else "linear_head"})
    monkeypatch.setattr(f"stages.train.{failing}", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        main("real")
    assert made(prepared) == first
    assert not list(prepared.rglob("*.tmp"))


def test_an_error_in_saving_leaves_no_half_written_model(prepared, monkeypatch):
    from transformers import BertForSequenceClassification

    def fail(self, folder, **_):
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(BertForSequenceClassification, "save_pretrained", fail)
    with pytest.raises(OSError, match="disk full"):
        main("real")
    assert made(prepared) == {}
    assert [path.name for path in (prepared / "models").iterdir()] == ["catalog.yaml"]


@pytest.mark.parametrize("recipe", ["linear_head", "fine_tune"])
def test_progress_and_nothing_else_goes_to_standard_error(capsys, set_params, recipe):
    set_params({"train.recipe": recipe})
    pin("tiny")  # without a hash there is a note
    main("real")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "train real:" in captured.err
    assert "train real: 100%" in captured.err
    assert recipe == "fine_tune" or "20/20" in captured.err
    assert not [line for line in captured.err.splitlines() if line.strip() and "train real:" not in line]


@pytest.mark.parametrize("recipe", ["linear_head", "fine_tune"])
def test_rows_that_say_how_probable_their_labels_are_teach_that(set_params, recipe):
    set_params({"train.recipe": recipe})
    path = paths.arm_rows("real")
    rows = read_rows(path)
    for row in rows:
        other = "negative" if row["label"] == "positive" else "positive"
        row["label_shares"] = {row["label"]: 0.6, other: 0.4}
    main("real")
    hard = read_rows(paths.predictions("real"))
    write_rows(path, rows)
    main("real")
    soft = read_rows(paths.predictions("real"))
    sure = [sum(max(row["probabilities"].values()) for row in part) / len(part) for part in (hard, soft)]
    assert sure[1] < sure[0]
