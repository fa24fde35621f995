import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from labelmint.core.errors import ModelError
from labelmint.labelling import choices as choices_module
from labelmint.labelling.choices import draw_demonstrations, labelled_prompt
from labelmint.labelling.scores import centre, llm_scores
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
    return llm_scores(params, the_card or card(), rows, train, model)


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
    assert list(scores.candidates) == [row["id"] for row in CANDIDATES]
    for row in scores.candidates.values():
        assert row.shape == (2,)
        assert np.exp(row).sum() == pytest.approx(1)


def test_unfinished_and_empty_candidates_are_not_scored():
    rows = [
        *CANDIDATES[:2],
        candidate(90, "a text that goes", finish_reason="length"),
        candidate(91, ""),
    ]
    assert list(scored(Scorer(), rows).candidates) == [row["id"] for row in rows[:2]]


def test_nothing_to_score_is_no_error():
    scores = scored(Scorer(), [])
    assert scores.candidates == {}
    assert len(scores.real) == 8


def test_the_accuracy_is_that_on_real_rows_that_were_not_shown():
    scores = scored(Scorer(reader=right_label))
    assert (scores.accuracy, len(scores.real)) == ({"llm": 1.0}, 8)
    scores = scored(Scorer("wrong", reader=lambda text, choice: -right_label(text, choice)))
    assert (scores.accuracy, len(scores.real)) == ({"llm": 0.0}, 8)


@pytest.mark.parametrize("train", [[], reviews({"negative": 1, "positive": 1})])
def test_without_unseen_real_rows_there_is_no_accuracy(train):
    scores = scored(Scorer(), train=train)
    assert (scores.accuracy, scores.real) == ({}, {})
    assert list(scores.candidates) == [row["id"] for row in CANDIDATES]


def test_rows_without_a_label_are_not_scored_and_do_not_shift_the_centre():
    plain = scored(Scorer("plain", reader=noisy))
    more = [*CANDIDATES, *(candidate(60 + at, f"text {at}", "") for at in range(30))]
    result = scored(Scorer("more", reader=noisy), more)
    assert list(result.candidates) == list(plain.candidates)
    for row_id, own in plain.candidates.items():
        np.testing.assert_array_equal(result.candidates[row_id], own)


def test_pairs_are_scored_whole():
    pairs = card(pair_name="claim", source=None)
    train = [{**row, "text_pair": f"claim {at}"} for at, row in enumerate(TRAIN)]
    rows = [{**row, "text_pair": f"another claim {at}"} for at, row in enumerate(CANDIDATES)]
    rows.append(candidate(90, "a first text alone", text_pair=""))
    model = Scorer()
    result = scored(model, rows, train, pairs)
    assert list(result.candidates) == [row["id"] for row in CANDIDATES]
    prefix, suffixes, _ = model.calls[0]
    assert suffixes[3] == f" {CANDIDATES[3]['text']}\nClaim: another claim 3\nSentiment:"
    assert "\nClaim: claim " in prefix


@pytest.mark.parametrize("constant", [-30.0, -1.0, 0.5, 25.0])
def test_a_bias_towards_one_label_changes_nothing(constant):
    plain = scored(Scorer("plain", reader=noisy))
    biased = scored(
        Scorer("biased", reader=lambda text, choice: noisy(text, choice) + constant * ("positive" in choice))
    )
    verdicts = [[int(own.argmax()) for own in each.candidates.values()] for each in (plain, biased)]
    assert set(verdicts[0]) == {0, 1}
    assert verdicts[0] == verdicts[1]
    for row_id, own in plain.candidates.items():
        np.testing.assert_allclose(biased.candidates[row_id], own, atol=1e-4)
    assert biased.accuracy == plain.accuracy


SCORES = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).normal(0, 3, (30, 3)))
WRITTEN = [number % 3 for number in range(30)]


@given(SCORES, st.lists(st.floats(-20, 20), min_size=3, max_size=3))
def test_offsets_follow_a_constant_per_label(scores, constants):
    shifted = log_softmax(log_softmax(scores, axis=1) + np.array(constants), axis=1)
    plain = log_softmax(scores, axis=1) - centre(log_softmax(scores, axis=1), WRITTEN, 3)
    moved = shifted - centre(shifted, WRITTEN, 3)
    np.testing.assert_allclose(log_softmax(moved, axis=1), log_softmax(plain, axis=1), atol=1e-9)


@given(SCORES)
def test_centred_scores_have_equal_means_over_the_written_labels(scores):
    centred = scores - centre(scores, WRITTEN, 3)
    groups = np.array(WRITTEN)
    means = np.mean([centred[groups == label].mean(axis=0) for label in range(3)], axis=0)
    np.testing.assert_allclose(means, 0, atol=1e-9)


@given(SCORES, st.integers(1, 5))
def test_a_label_that_lost_or_has_more_rows_does_not_shift_the_offsets(scores, times):
    first = [at for at, label in enumerate(WRITTEN) if label == 0]
    more = np.concatenate([scores, *[scores[first]] * times])
    offsets = centre(more, [*WRITTEN, *[0] * (len(first) * times)], 3)
    np.testing.assert_allclose(offsets, centre(scores, WRITTEN, 3), atol=1e-9)


def test_offsets_without_rows_of_a_label_or_any_at_all():
    scores = np.array([[-1.0, -2.0, -3.0], [-3.0, -2.0, -1.0]])
    np.testing.assert_allclose(centre(scores, [0, 0], 3), [-2, -2, -2])
    np.testing.assert_array_equal(centre(np.zeros((0, 3)), [], 3), [0, 0, 0])


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
    assert list(resumed.candidates) == list(uninterrupted.candidates)
    for row_id, own in uninterrupted.candidates.items():
        np.testing.assert_array_equal(resumed.candidates[row_id], own)


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
