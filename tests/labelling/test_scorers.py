"""Several scorers of labels: which are used, and that each is weighed on rows that it hasn't seen."""

import numpy as np
import pytest

from labelmint.core.errors import ModelError
from labelmint.encoder import linear
from labelmint.labelling import pool
from labelmint.labelling import scores as scores_module
from labelmint.labelling.choices import draw_demonstrations
from labelmint.llm.base import ChoiceScores
from tests.builders import card, labelled_rows, reviews
from tests.labelling.scorer import CANDIDATES, LABELS, TRAIN, Scorer, right_label, scored

POOL = ["llm", "probe", "classifier"]
MANY = reviews({"negative": 30, "positive": 30})


@pytest.fixture
def vectors(monkeypatch):
    """Embed rows as vectors that tell the labels of the fakes' reviews, with some noise."""
    embedded = []

    def embed_rows(config, rows, on_rows):
        embedded.append(len(rows))
        draw = np.random.default_rng(1)
        told = np.array([right_label(row["text"], "positive") for row in rows], np.float64)
        return (told[:, None] + draw.normal(0, 2, (len(rows), 4))).astype(np.float32)

    monkeypatch.setattr(scores_module, "embed_rows", embed_rows)
    monkeypatch.setattr(pool, "_FOLDS", 3)
    monkeypatch.setattr(linear, "_REGULARISATION", [1.0])
    return embedded


def test_three_scorers_are_weighed_on_rows_that_none_of_them_has_seen(vectors):
    model = Scorer(reader=right_label)
    result = scored(model, train=MANY, scorers=POOL, demonstrations=16)
    assert list(result.weights) == POOL
    assert list(result.accuracy) == [*POOL, "pooled"]
    shown = draw_demonstrations(1, 16, card(), MANY)
    assert list(result.real) == [row["id"] for row in MANY if row not in shown]
    assert result.accuracy["llm"] == result.accuracy["pooled"] == 1.0
    assert vectors == [60, 20]  # the shown rows train the classifier, too
    labels = [LABELS[int(scores.argmax())] for scores in result.texts.values()]
    assert labels == [row["label"] for row in CANDIDATES]
    # States and scores come from the cache the second time.
    second = Scorer(reader=right_label)
    again = scored(second, train=MANY, scorers=POOL, demonstrations=16)
    assert (second.calls, again.weights) == ([], result.weights)
    assert again.seconds == result.seconds > 0
    for row_id, scores in result.texts.items():
        np.testing.assert_array_equal(again.texts[row_id], scores)


def test_a_probe_helps_where_the_answer_says_nothing(vectors):
    """Its answers are noise, its hidden states know the label."""

    class Mute(Scorer):
        def score(self, prefix, suffixes, choices):
            knows = super().score(prefix, suffixes, choices)
            noise = np.random.default_rng(1).normal(0, 1, knows.log_probabilities.shape)
            return ChoiceScores(noise.astype(np.float32), knows.states)

    result = scored(Mute(reader=right_label), train=MANY, scorers=["llm", "probe"], demonstrations=16)
    assert result.accuracy["probe"] == 1.0 > result.accuracy["llm"]
    assert result.weights["probe"] > result.weights["llm"]
    assert result.accuracy["pooled"] > 0.9


@pytest.mark.parametrize(
    ("scorers", "states", "used"),
    [
        (["llm"], True, ["llm"]),
        (["probe", "classifier"], True, ["probe", "classifier"]),
        (POOL, False, ["llm", "classifier"]),  # as a server's
        (["probe"], False, ["llm"]),
    ],
)
def test_the_scorers_that_are_set_and_can_be_had_are_used(vectors, scorers, states, used):
    model = Scorer(reader=right_label)
    model.can_give_states = states
    assert list(scored(model, train=MANY, scorers=scorers, demonstrations=16).weights) == used


def test_the_classifier_alone_does_not_ask_the_model(vectors):
    """It is the remedy for models and servers that can't score labels."""
    model = Scorer(reader=right_label)
    model.can_score = False
    result = scored(model, train=MANY, scorers=["classifier"])
    assert (list(result.weights), model.calls, vectors) == (["classifier"], [], [60, 20])
    assert list(result.texts) == [row["id"] for row in CANDIDATES]
    assert list(result.real) == [row["id"] for row in MANY]  # none was shown
    with pytest.raises(ModelError, match=r"can't score labels; set labelling\.scorers: \[classifier\]"):
        scored(model, train=MANY, scorers=POOL)


@pytest.mark.parametrize("train", [[], TRAIN, reviews({"negative": 60})])
def test_with_too_few_real_rows_or_none_of_a_label_the_model_scores_alone(vectors, train):
    result = scored(Scorer(reader=right_label), train=train, scorers=POOL)
    assert (list(result.weights), vectors) == (["llm"], [])
    assert len(result.texts) == len(CANDIDATES)


def test_where_no_row_of_a_label_can_be_held_out_the_model_scores_alone(vectors):
    train = reviews({"negative": 60, "positive": 1})
    result = scored(Scorer(reader=right_label), train=train, scorers=["probe", "classifier"])
    assert list(result.weights) == ["llm"]
    assert len(result.texts) == len(CANDIDATES)


def test_where_too_few_rows_can_be_held_out_the_model_scores_alone(vectors, monkeypatch):
    monkeypatch.setattr(pool, "_FOLDS", 10)
    rare = ["neutral", "mixed", "odd"]
    five = card(labels={name: {"name": name, "phrase": name} for name in (*LABELS, *rare)})
    # A label's only row can't be: 18 are.
    train = labelled_rows({"negative": 9, "positive": 9, **dict.fromkeys(rare, 1)})
    result = scored(Scorer(reader=right_label), train=train, the_card=five, scorers=POOL, demonstrations=0)
    assert (list(result.weights), len(result.real)) == (["llm"], 21)
