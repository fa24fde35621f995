import random
from dataclasses import replace

import numpy as np
import pytest

from labelmint.core.errors import ModelError
from labelmint.encoder import linear
from labelmint.labelling import choices as choices_module
from labelmint.labelling import pool
from labelmint.labelling import scores as scores_module
from labelmint.labelling.choices import draw_demonstrations, labelled_prompt
from labelmint.labelling.scores import score_candidates, score_labels
from labelmint.llm.base import ChoiceScores
from labelmint.tasks.task import Task
from tests.builders import candidate, card, review, reviews
from tests.labelling.scorer import Scorer
from tests.rules.helpers import settings

TRAIN = reviews({"negative": 6, "positive": 6})
LABELS = ("negative", "positive")
CANDIDATES = [
    candidate(number, review(LABELS[number % 2], 100 + number)["text"], LABELS[number % 2])
    for number in range(20)
]


@pytest.fixture
def chunks_of_four(monkeypatch):
    monkeypatch.setattr(choices_module, "CHUNK_TEXTS", 4)


def noisy(text, choice):
    """Return a score that says little about the label, and nothing twice the same."""
    return random.Random(text + choice).gauss(0, 1) + ("negative" in choice) * 0.3


def right_label(text, choice):
    """Score the fakes' reviews without an error."""
    good = any(word in text for word in ("great", "bright", "lovely", "superb"))
    return 0.0 if good == ("positive" in choice) else -3.0


def scored(model, rows=CANDIDATES, train=TRAIN, the_card=None, **labelling):
    params = settings(labelling={"action": "drop", **labelling})
    return score_candidates(Task(params, the_card or card(), train), rows, model)


def test_the_model_is_asked_for_every_text_after_one_prefix():
    model = Scorer()
    scored(model)
    shown = draw_demonstrations(1, 4, card(), TRAIN)
    assert {prefix for prefix, _, _ in model.calls} == {labelled_prompt(card(), shown)}
    asked = [suffix for _, suffixes, _ in model.calls for suffix in suffixes]
    hidden = [row for row in TRAIN if row not in shown]
    assert len(asked) == len(CANDIDATES) + len(hidden)
    for suffix, row in zip(asked, [*CANDIDATES, *hidden], strict=True):
        assert row["text"] in suffix
        assert suffix.endswith(f"{card().question}:")
    for _, _, choices in model.calls:
        assert [choice.strip() for choice in choices] == list(LABELS)


def test_scores_are_log_probabilities_by_candidate():
    scores = scored(Scorer(reader=noisy))
    assert list(scores.texts) == [row["id"] for row in CANDIDATES]
    for row in scores.texts.values():
        assert row.shape == (2,)
        assert np.exp(row).sum() == pytest.approx(1)


def test_unfinished_and_empty_candidates_are_not_scored():
    rows = [
        *CANDIDATES[:2],
        candidate(90, "a text that goes", finish_reason="length"),
        candidate(91, ""),
    ]
    assert list(scored(Scorer(), rows).texts) == [row["id"] for row in rows[:2]]


def test_nothing_to_score_is_no_error():
    scores = scored(Scorer(), [])
    assert scores.texts == {}
    assert len(scores.real) == 8


def test_the_accuracy_is_that_on_real_rows_that_were_not_shown():
    scores = scored(Scorer(reader=right_label))
    assert (scores.accuracy, len(scores.real)) == ({"llm": 1.0}, 8)
    scores = scored(Scorer("wrong", reader=lambda text, choice: -right_label(text, choice)))
    assert (scores.accuracy, len(scores.real)) == ({"llm": 0.0}, 8)


@pytest.mark.parametrize("train", [[], reviews({"negative": 1, "positive": 1})])
def test_without_unseen_real_rows_there_is_no_accuracy(train):
    scores = scored(Scorer(), train=train)
    assert (scores.accuracy, scores.real, scores.weights) == ({}, {}, {"llm": 1.0})
    assert list(scores.texts) == [row["id"] for row in CANDIDATES]


def test_rows_without_a_label_are_not_scored_and_do_not_shift_the_centre():
    plain = scored(Scorer("plain", reader=noisy))
    more = [*CANDIDATES, *(candidate(60 + at, f"text {at}", "") for at in range(30))]
    result = scored(Scorer("more", reader=noisy), more)
    assert list(result.texts) == list(plain.texts)
    for row_id, own in plain.texts.items():
        np.testing.assert_array_equal(result.texts[row_id], own)


def test_pairs_are_scored_whole():
    pairs = card(pair_name="claim", source=None)
    train = [{**row, "text_pair": f"claim {at}"} for at, row in enumerate(TRAIN)]
    rows = [{**row, "text_pair": f"another claim {at}"} for at, row in enumerate(CANDIDATES)]
    rows.append(candidate(90, "a first text alone", text_pair=""))
    model = Scorer()
    result = scored(model, rows, train, pairs)
    assert list(result.texts) == [row["id"] for row in CANDIDATES]
    prefix, suffixes, _ = model.calls[0]
    assert suffixes[3] == f" {CANDIDATES[3]['text']}\nClaim: another claim 3\nSentiment:"
    assert "\nClaim: claim " in prefix


@pytest.mark.parametrize("constant", [-30.0, -1.0, 0.5, 25.0])
def test_a_bias_towards_one_label_changes_nothing(constant):
    plain = scored(Scorer("plain", reader=noisy))
    biased = scored(
        Scorer("biased", reader=lambda text, choice: noisy(text, choice) + constant * ("positive" in choice))
    )
    verdicts = [[int(own.argmax()) for own in each.texts.values()] for each in (plain, biased)]
    assert set(verdicts[0]) == {0, 1}
    assert verdicts[0] == verdicts[1]
    for row_id, own in plain.texts.items():
        np.testing.assert_allclose(biased.texts[row_id], own, atol=1e-4)
    assert biased.accuracy == plain.accuracy


@pytest.mark.parametrize("chunk", range(4))
def test_an_interrupted_run_goes_on_at_the_chunk_and_ends_the_same(
    chunk, chunks_of_four, monkeypatch, tmp_path
):
    first, second = Scorer(fail_at=chunk, reader=noisy), Scorer(reader=noisy)
    with pytest.raises(KeyboardInterrupt):
        scored(first)
    resumed = scored(second)
    whole = Scorer(reader=noisy)
    monkeypatch.setenv("LABELMINT_CACHE", str(tmp_path))
    uninterrupted = scored(whole)
    assert len(whole.calls) == 7  # 20 candidates, 8 hidden real rows
    assert first.calls + second.calls == whole.calls
    assert list(resumed.texts) == list(uninterrupted.texts)
    for row_id, own in uninterrupted.texts.items():
        np.testing.assert_array_equal(resumed.texts[row_id], own)


def test_other_thresholds_score_nothing_again():
    scored(Scorer())
    model = Scorer()
    scored(model, min_margin=1.0, action="relabel")
    assert model.calls == []


def test_more_candidates_score_only_the_chunks_that_changed(chunks_of_four):
    scored(Scorer(), CANDIDATES[:12])
    model = Scorer()
    scored(model, CANDIDATES[:14])
    assert [len(suffixes) for _, suffixes, _ in model.calls] == [2]


def test_a_models_error_is_passed_on():
    class Small(Scorer):
        def score(self, *_):
            raise ModelError("the prompt does not fit")

    with pytest.raises(ModelError, match="does not fit"):
        scored(Small())


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
    with pytest.raises(ModelError, match=r"labelling\.scorers: .* can't score labels; say \[classifier\]"):
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


@pytest.mark.parametrize("majority", [0.5, 0.9])
def test_what_the_scorers_prefer_alike_is_taken_out_of_their_sum(majority):
    """The real rows tell it, so that texts may come in other shares than these."""
    draw = np.random.default_rng(1)

    def scores(labels):
        told = draw.normal(0, 1, (len(labels), 2)) + 2 * np.eye(2)[labels]
        return {name: told + draw.normal(0, 0.5, told.shape) + [0.0, 3.0] for name in ("llm", "classifier")}

    real, labels = np.arange(200) % 2, (draw.random(2000) > majority).astype(int)
    fitted = pool.fit_pool(scores(real), real)
    found = scores(labels)

    def accuracy(pooled):
        return (pooled.combine(found).argmax(axis=1) == labels).mean()

    assert accuracy(fitted) > 0.85
    assert accuracy(fitted) > accuracy(replace(fitted, offsets=np.zeros(2))) + 0.1
    assert not pool.fit_pool(scores(real[:19]), real[:19]).offsets.any()


@pytest.mark.parametrize("constant", [-4.0, 4.0])
def test_unbalanced_texts_are_not_all_given_the_common_label(constant):
    """87 to 13, and a model that prefers a label, whatever the text."""
    rows = reviews({"negative": 174, "positive": 26}, first=100)
    train = reviews({"negative": 87, "positive": 13})

    def biased(text, choice):
        return right_label(text, choice) + constant * ("positive" in choice)

    result = score_labels(Task(settings(), card(), train), rows, Scorer(reader=biased))
    right = [LABELS[int(result.texts[row["id"]].argmax())] == row["label"] for row in rows]
    assert np.mean(right) > 0.95


def test_candidates_that_a_label_lost_do_not_shift_the_scores():
    """All texts of one label but two were cut off: those of the other must not be relabelled for it."""
    model = Scorer(reader=right_label)
    rows = [row for row in CANDIDATES if row["label"] == "positive"] + CANDIDATES[:4:2]
    result = scored(model, rows)
    labels = [LABELS[int(result.texts[row["id"]].argmax())] for row in rows]
    assert labels == [row["label"] for row in rows]
