"""Tasks of other shapes than two balanced labels, through prepare, train and evaluate with a tiny encoder."""

import json
import random

import pytest
from transformers import pipeline

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import read_rows, write_rows
from labelmint.scoring.verdict import verdict
from stages.baselines import main as baselines
from stages.evaluate import main as score
from stages.prepare import main as prepare
from stages.train import main as train
from tests.builders import NEUTRAL, OPINIONS, write_card

ODD_NAMES = [
    "très négatif",
    "ganz und gar egal",
    "とても良い",
    'so "so"',
    "a: b, c",
    "50 %",
    "naïve\u00a0café",
]


@pytest.fixture
def task(project, tiny_encoder, set_params):
    """Return task(rows, labels, ...): make it the project's, with the tiny encoder, and prepare it."""
    set_params({"task": "mine", "arms": ["real"], "evaluate.bootstrap_samples": 100})
    set_params({"baselines.names": ["tfidf", "linear_head", "majority"]})

    def make(rows, labels, real_rows=40, test_rows=40, source=None, params=None, **card):
        set_params({"real.rows": real_rows, "prepare.test_rows": test_rows, "real.curve": [500, 600, 700]})
        set_params(params or {})
        (project / "data/raw").mkdir(parents=True, exist_ok=True)
        write_rows(project / "data/raw/rows.jsonl", rows)
        place = {"path": "data/raw/rows.jsonl", "text_column": "text", "label_column": "label"}
        write_card(
            project,
            "mine",
            labels={name: {"name": name, "phrase": name} for name in labels},
            source={**place, **(source or {})},
            **card,
        )
        prepare()

    return make


def evaluate():
    baselines()
    score()


def texts(count, marker="", seed=0):
    """Return distinct texts of the vocabulary, each with the marker in it."""
    draw = random.Random(f"{marker}{seed}")
    return [" ".join([*draw.sample(NEUTRAL, 7), marker]) for _ in range(count)]


def pair_rows(count):
    """Return pairs whose label the second text's opinion tells."""
    rows = []
    for label in ("positive", "negative"):
        for first, second in zip(texts(count, seed=label), texts(count, OPINIONS[label][0]), strict=True):
            rows.append({"text": first, "second": second, "label": label})
    return rows


def metrics(name):
    return json.loads((paths.METRICS / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("recipe", ["linear_head", "fine_tune"])
def test_pairs_in_a_pipeline_are_predicted_as_by_the_stage(task, recipe):
    rows = pair_rows(45)
    rows[0]["text"] = " ".join(NEUTRAL * 3)  # longer than max_tokens
    settings = {"train.recipe": recipe, "train.learning_rate": 2e-2}
    task(rows, ["positive", "negative"], 40, 50, {"pair_column": "second"}, settings, pair_name="answer")
    train("real")
    inputs, made = read_rows(paths.TEST_INPUTS), read_rows(paths.predictions("real"))
    classify = pipeline("text-classification", model=str(paths.model("real")), top_k=None)
    pairs = [{"text": row["text"], "text_pair": row["text_pair"]} for row in inputs]
    for own, pair in zip(made, pairs, strict=False):  # the first seed's predictions come first
        said = {entry["label"]: entry["score"] for entry in classify(pair, truncation=True)}
        assert said["positive"] == pytest.approx(own["probabilities"]["positive"], abs=1e-3)
    swapped = {"text": pairs[0]["text_pair"], "text_pair": pairs[0]["text"]}
    apart = [classify(pair, truncation=True)[0]["score"] for pair in (pairs[0], swapped)]
    assert apart[0] != pytest.approx(apart[1], abs=1e-6)  # the order, hence the token types, matter


def test_pairs_are_learnt_and_scored(task):
    task(pair_rows(60), ["positive", "negative"], 60, 60, {"pair_column": "second"}, pair_name="answer")
    assert {tuple(row) for row in read_rows(paths.arm_rows("real"))} == {
        ("id", "text", "text_pair", "label", "source")
    }
    assert {tuple(row) for row in read_rows(paths.TEST_INPUTS)} == {("id", "text", "text_pair")}
    train("real")
    evaluate()
    assert metrics("evaluate.json")["arms"]["real"]["accuracy"]["mean"] > 0.7


def test_odd_label_names_survive_in_every_file(task):
    words = [word for own in OPINIONS.values() for word in own]
    rows = [
        {"text": text, "label": name}
        for name, word in zip(ODD_NAMES, words, strict=False)
        for text in texts(20, word)
    ]
    task(rows, ODD_NAMES, 70, 70)
    train("real")
    evaluate()
    assert set(metrics("prepare.json")["labels"]) == set(ODD_NAMES)
    assert list(read_rows(paths.predictions("real"))[0]["probabilities"]) == ODD_NAMES
    assert list(metrics("evaluate.json")["arms"]["real"]["labels"]) == ODD_NAMES
    model = json.loads((paths.model("real") / "config.json").read_text(encoding="utf-8"))
    assert list(model["id2label"].values()) == ODD_NAMES


def test_more_than_twenty_labels(task):
    names = [f"topic {number}" for number in range(24)]
    rows = [
        {"text": text, "label": name}
        for name, word in zip(names, NEUTRAL, strict=False)
        for text in texts(10, f"{word} {word} {word}", name)
    ]
    task(rows, names, 96, 96)
    train("real")
    evaluate()
    assert metrics("prepare.json")["train_labels"] == dict.fromkeys(sorted(names), 4)
    assert metrics("evaluate.json")["arms"]["real"]["accuracy"]["mean"] > 2 / 24  # twice as good as chance


@pytest.mark.parametrize("recipe", ["auto", "linear_head", "fine_tune"])
def test_labels_may_be_very_unbalanced(task, recipe):
    counts = {"often": 150, "seldom": 12, "hardly ever": 4}
    rows = [
        {"text": text, "label": name}
        for (name, count), own in zip(counts.items(), OPINIONS.values(), strict=True)
        for text in texts(count, own[0])
    ]
    task(rows, counts, 80, 80, params={"train.recipe": recipe})
    assert metrics("prepare.json")["train_labels"] == {"hardly ever": 2, "often": 72, "seldom": 6}
    train("real")
    evaluate()
    assert set(metrics("evaluate.json")["arms"]["real"]["labels"]) == set(counts)


def test_a_label_with_a_single_row_does_not_keep_the_others_from_being_validated(task):
    counts = {"often": 90, "seldom": 40, "once": 2}
    rows = [
        {"text": text, "label": name}
        for (name, count), own in zip(counts.items(), OPINIONS.values(), strict=True)
        for text in texts(count, own[0])
    ]
    task(rows, counts, 66, 66, params={"train.recipe": "auto"})
    assert metrics("prepare.json")["train_labels"]["once"] == 1
    train("real")
    assert set(metrics("train/real.json")["validation"]) == {"linear_head", "fine_tune"}


def test_fewer_real_rows_than_labels_are_an_error_that_says_how_many_are_needed(task):
    names = [f"topic {number}" for number in range(24)]
    rows = [{"text": text, "label": name} for name in names for text in texts(10, name)]
    with pytest.raises(DataError) as caught:
        task(rows, names, 20, 96)
    assert str(caught.value).startswith("params.yaml: real.rows: 20 rows hold none of ['topic ")
    assert str(caught.value).endswith(
        "raise it to 24 or more: the task has 24 labels, and every one needs a row"
    )


def test_without_test_rows_train_predicts_nothing_and_evaluate_says_so(task):
    task(pair_rows(30), ["positive", "negative"], 40, 0, {"pair_column": "second"}, pair_name="answer")
    train("real")
    evaluate()
    assert read_rows(paths.predictions("real")) == []
    assert (paths.model("real") / "model.safetensors").is_file()
    assert verdict(metrics("evaluate.json")).startswith("mine: no test labels")


def test_points_of_the_curve_that_the_rows_cannot_fill_are_left_out_to_the_end(task, capsys):
    rows = [
        {"text": text, "label": label}
        for label in ("negative", "positive")
        for text in texts(60, OPINIONS[label][0], seed=label)
    ]
    arms = ["real", "real_60", "real_90"]
    task(rows, ["negative", "positive"], params={"real.curve": [60, 90, 1000], "arms": arms})
    assert "can't make the curve's points [90]; they are left out" in capsys.readouterr().err
    for arm in arms:
        train(arm)
    assert metrics("train/real_90.json") == {"train_rows": 0}
    assert read_rows(paths.predictions("real_90")) == []
    assert paths.model("real_90").is_dir()
    evaluate()
    found = metrics("evaluate.json")
    assert list(found["arms"]) == ["real", "real_60"]
    assert "real_90" not in verdict(found)
    assert "real_90" not in (paths.PLOTS / "learning_curve.csv").read_text(encoding="utf-8")
