import random

import numpy as np
import pytest

from labelmint.labelling import choices as choices_module
from labelmint.labelling.choices import draw_demonstrations, labelled_prompt
from labelmint.labelling.scores import score_candidates, score_labels
from labelmint.tasks.task import Task
from tests.builders import candidate, card, review, reviews
from tests.labelling.scorer import CANDIDATES, LABELS, TRAIN, Scorer, right_label, scored
from tests.rules.helpers import settings


@pytest.fixture
def chunks_of_four(monkeypatch):
    monkeypatch.setattr(choices_module, "CHUNK_TEXTS", 4)


def noisy(text, choice):
    """Return a score that says little about the label, and nothing twice the same."""
    return random.Random(text + choice).gauss(0, 1) + ("negative" in choice) * 0.3


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
        assert np.exp(own).sum() == pytest.approx(1)
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


def test_balanced_candidates_of_a_rare_label_keep_it():
    """Real rows are 90 to 10, and the model is unsure: in those shares, the rare label has few rows."""
    train = reviews({"negative": 90, "positive": 10})
    rows = [
        candidate(number, review(LABELS[number % 2], 500 + number)["text"], LABELS[number % 2])
        for number in range(200)
    ]

    def unsure(text, choice):
        return right_label(text, choice) / 2 + random.Random(text + choice).gauss(0, 1)

    right = {}
    for shares in ("balanced", "real"):
        params = settings(class_balance=shares, labelling={"action": "relabel"})
        result = score_candidates(Task(params, card(), train), rows, Scorer(reader=unsure))
        judged = np.array([result.texts[row["id"]].argmax() for row in rows])
        right[shares] = (judged == [LABELS.index(row["label"]) for row in rows]).mean()
        if shares == "balanced":
            assert 0.4 < judged.mean() < 0.6
    assert right["balanced"] > right["real"] + 0.03
