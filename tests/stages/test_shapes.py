"""Tasks of other shapes than two balanced labels, through prepare, arms and train with a tiny encoder."""

import random
from pathlib import Path

import numpy as np
import pytest
from transformers import pipeline

from labelmint.core import paths
from labelmint.core.records import read_json, read_rows, write_rows
from labelmint.predict.command import Request, predict
from stages.arms import main as write_arms
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
    "null",
    "007",
    '🦀 crab, "big"',
    "=cmd()|' <b>",
    "L" * 300,
]


@pytest.fixture
def task(project, tiny_encoder, set_params):
    """Return task(rows, labels, ...): make it the project's, prepare it and write the arms."""
    arms = {"real": {"real": "all"}, "tfidf": {"real": "all", "student": "tfidf"}}
    # Rare labels need many prompts.
    set_params({"task": "mine", "arms": arms, "generate.samples_per_prompt": 8})

    def make(rows, labels, real_rows=40, test_rows=40, source=None, params=None, **card):
        set_params({"real.rows": real_rows, "prepare.test_rows": test_rows, **(params or {})})
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
        for path in (paths.KEPT, paths.REJECTED, paths.LABELLED, paths.LABELLED_REJECTED):
            write_rows(path, [])
        write_arms()

    return make


def texts(count, marker="", seed=0):
    """Return distinct texts of the vocabulary, each with the marker in it."""
    draw = random.Random(f"{marker}{seed}")
    return [" ".join([*draw.sample(NEUTRAL, 7), marker]) for _ in range(count)]


def marked_rows(counts):
    """Return so many rows of each label, whose opinion tells it."""
    words = [word for opinions in OPINIONS.values() for word in opinions]
    return [
        {"text": text, "label": name}
        for (name, count), word in zip(counts.items(), words, strict=False)
        for text in texts(count, word)
    ]


def pair_rows(count):
    """Return pairs whose label the second text's opinion tells."""
    return [
        {"text": first, "second": second, "label": label}
        for label in ("positive", "negative")
        for first, second in zip(texts(count, seed=label), texts(count, OPINIONS[label][0]), strict=True)
    ]


def accuracy(arm):
    """Return the share of right predictions of all seeds."""
    labels = {row["id"]: row["label"] for row in read_rows(paths.TEST_LABELS)}
    rows = read_rows(paths.predictions(arm))
    return np.mean(
        [max(row["probabilities"], key=row["probabilities"].get) == labels[row["id"]] for row in rows]
    )


def train_labels():
    return read_json(paths.METRICS / "prepare.json")["train_labels"]


@pytest.mark.slow
@pytest.mark.parametrize("student", ["linear_head", "fine_tune"])
def test_pairs_in_a_pipeline_are_predicted_as_by_the_stage(task, student):
    rows = pair_rows(45)
    rows[0]["text"] = " ".join(NEUTRAL * 3)  # longer than max_tokens
    settings = {"train.student": student, "train.learning_rate": 2e-2}
    task(rows, ["positive", "negative"], 40, 50, {"pair_column": "second"}, settings, pair_name="answer")
    train("real")
    inputs, made = read_rows(paths.TEST_INPUTS), read_rows(paths.predictions("real"))
    classify = pipeline("text-classification", model=str(paths.model("real")), top_k=None)
    pairs = [{"text": row["text"], "text_pair": row["text_pair"]} for row in inputs]
    for row, pair in zip(made, pairs[:12], strict=False):  # the first seed's predictions come first
        answer = {entry["label"]: entry["score"] for entry in classify(pair, truncation=True)}
        assert answer["positive"] == pytest.approx(row["probabilities"]["positive"], abs=1e-3)
    swapped = {"text": pairs[0]["text_pair"], "text_pair": pairs[0]["text"]}
    apart = [classify(pair, truncation=True)[0]["score"] for pair in (pairs[0], swapped)]
    assert apart[0] != pytest.approx(apart[1], abs=1e-6)  # the order, hence the token types, matter


def test_pairs_are_learnt(task):
    task(pair_rows(60), ["positive", "negative"], 60, 60, {"pair_column": "second"}, pair_name="answer")
    assert {tuple(row) for row in read_rows(paths.arm_rows("real"))} == {
        ("id", "text", "text_pair", "label", "source", "fold")
    }
    for arm in ("real", "tfidf"):
        train(arm)
        assert accuracy(arm) > 0.7


@pytest.mark.parametrize("arm", ["real", "tfidf"])
def test_odd_label_names_survive(task, arm):
    task(marked_rows(dict.fromkeys(ODD_NAMES, 20)), ODD_NAMES, 84, 84)
    train(arm)
    assert list(read_rows(paths.predictions(arm))[0]["probabilities"]) == ODD_NAMES
    saved = read_json(paths.model(arm) / "student.json")
    assert saved["label_names"] == ODD_NAMES
    if arm == "real":
        config = read_json(paths.model(arm) / "config.json")
        assert list(config["id2label"].values()) == ODD_NAMES


def test_more_than_twenty_labels(task):
    names = [f"topic {number}" for number in range(24)]
    rows = [
        {"text": text, "label": name}
        for name, word in zip(names, NEUTRAL, strict=False)
        for text in texts(10, f"{word} {word} {word}", name)
    ]
    task(rows, names, 96, 96)
    train("real")
    assert train_labels() == dict.fromkeys(sorted(names), 4)
    assert accuracy("real") > 2 / 24  # twice as good as chance


@pytest.mark.parametrize(
    "student",
    [*(pytest.param(name, marks=pytest.mark.slow) for name in ("auto", "fine_tune")), "linear_head", "tfidf"],
)
def test_labels_may_be_very_unbalanced(task, student):
    counts = {"often": 150, "seldom": 12, "hardly ever": 4}
    task(marked_rows(counts), counts, 80, 80, params={"train.student": student})
    assert train_labels() == {"hardly ever": 2, "often": 72, "seldom": 6}
    train("real")
    assert accuracy("real") > 0.85  # of the commonest label: 0.9


@pytest.mark.parametrize("arm", ["real", "tfidf"])
def test_the_ends_that_are_learnt_from_are_the_ends_that_are_labelled(task, arm):
    """The first half of each text has the opinion of the other label."""
    opinions = {name: OPINIONS[name][0] for name in ("negative", "positive")}
    others = {"negative": "positive", "positive": "negative"}
    rows = [
        {"text": f"{first} {opinions[others[name]]} . {end}", "label": name}
        for name in opinions
        for first, end in zip(texts(60, seed=name), texts(60, opinions[name]), strict=True)
    ]
    task(rows, [*opinions], 60, 40, excerpt={"words": 8, "from": "end"})
    train(arm)
    assert accuracy(arm) > 0.9
    predict(Request(arm=arm, input="data/raw/rows.jsonl", output="out.jsonl"))
    labels = [row["label"] for row in read_rows(Path("out.jsonl"))]
    assert np.mean([label == row["label"] for label, row in zip(labels, rows, strict=True)]) > 0.9
