import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.core.errors import ModelError
from labelmint.labelling import verify as verify_module
from labelmint.labelling.verify import (
    CHUNK_TEXTS,
    Verifier,
    centre,
    demonstrations,
    log_softmax,
    reading_prompt,
    verify,
)
from tests.builders import candidate, card, review, reviews
from tests.fake_model import FakeModel
from tests.filter.helpers import config

TRAIN = reviews({"negative": 6, "positive": 6})
LABELS = ("negative", "positive")
CANDIDATES = [
    candidate(number, review(LABELS[number % 2], 100 + number)["text"], LABELS[number % 2])
    for number in range(20)
]


class Reader(FakeModel):
    """A model with an identity of its own, which notes what it reads and fails at a text."""

    def __init__(self, name="reader", fail_at=None, reader=None):
        super().__init__(reader=reader)
        self.name, self.fail_at, self.calls = name, fail_at, []

    @property
    def identity(self):
        return {"model": self.name}

    def score(self, prefix, suffixes, choices):
        if self.fail_at is not None and len(self.calls) == self.fail_at:
            raise KeyboardInterrupt
        self.calls.append((prefix, list(suffixes), list(choices)))
        return super().score(prefix, suffixes, choices)


@pytest.fixture
def chunks_of_four(monkeypatch):
    monkeypatch.setattr(verify_module, "CHUNK_TEXTS", 4)


def noisy(text, choice):
    """Return a score that says little about the label, and nothing twice the same."""
    return random.Random(text + choice).gauss(0, 1) + ("negative" in choice) * 0.3


def right_label(text, choice):
    """Read the fakes' reviews without an error."""
    good = any(word in text for word in ("great", "bright", "lovely", "superb"))
    return 0.0 if good == ("positive" in choice) else -3.0


def read(model, rows=CANDIDATES, train=TRAIN, **settings):
    return verify(config(verify={"action": "drop", **settings}), card(), rows, train, model)


@pytest.mark.parametrize(("total", "each"), [(0, 0), (1, 1), (2, 1), (5, 2), (6, 3), (100, 3)])
def test_the_demonstrations_are_as_many_of_each_label_and_at_most_half_of_its_rows(total, each):
    shown = demonstrations(config(verify={"demonstrations": total}), card(), TRAIN)
    assert sorted(row["label"] for row in shown) == ["negative"] * each + ["positive"] * each
    assert len({row["id"] for row in shown}) == 2 * each
    assert all(row in TRAIN for row in shown)


def test_the_half_of_a_rare_label_is_rounded_up_and_a_missing_one_has_none():
    rows = reviews({"negative": 6, "positive": 1})
    shown = demonstrations(config(verify={"demonstrations": 8}), card(), rows)
    assert sorted(row["label"] for row in shown) == ["negative"] * 3 + ["positive"]
    assert demonstrations(config(verify={"demonstrations": 8}), card(), []) == []


def test_the_demonstrations_are_drawn_and_mixed_by_the_seed():
    draws = [
        demonstrations(config(seed=seed, verify={"demonstrations": 4}), card(), TRAIN)
        for seed in (1, *range(1, 20))
    ]
    assert draws[0] == draws[1]
    assert len({tuple(row["id"] for row in shown) for shown in draws}) == 19
    assert len({shown[-1]["label"] for shown in draws}) == 2
    by_label = sorted(draws[0], key=lambda row: row["label"])
    assert draws[0] not in (by_label, by_label[::-1])


def test_the_reading_prompt_shows_each_text_with_its_label_before_the_next_one():
    prompt = reading_prompt(card(), TRAIN)
    places = [prompt.index(row["text"]) for row in TRAIN]
    assert places == sorted(places)
    for row, begin, end in zip(TRAIN, places, [*places[1:], len(prompt)], strict=True):
        said = prompt[begin + len(row["text"]) : end]
        assert card().phrase(row["label"]) in said
        assert card().question in said


def test_the_model_is_asked_for_every_text_after_one_prefix():
    model = Reader()
    read(model)
    shown = demonstrations(config(), card(), TRAIN)
    assert {prefix for prefix, _, _ in model.calls} == {reading_prompt(card(), shown)}
    asked = [suffix for _, suffixes, _ in model.calls for suffix in suffixes]
    hidden = [row for row in TRAIN if row not in shown]
    assert len(asked) == len(CANDIDATES) + len(hidden)
    for suffix, row in zip(asked, [*CANDIDATES, *hidden], strict=True):
        assert row["text"] in suffix
        assert suffix.endswith(f"{card().question}:")
    for _, _, choices in model.calls:
        assert [choice.strip() for choice in choices] == list(LABELS)


def test_scores_are_log_probabilities_by_candidate():
    reading = read(Reader(reader=noisy))
    assert list(reading.scores) == [row["id"] for row in CANDIDATES]
    for own in reading.scores.values():
        assert own.shape == (2,)
        assert np.exp(own).sum() == pytest.approx(1)


def test_unfinished_and_empty_candidates_are_not_read():
    rows = [
        *CANDIDATES[:2],
        candidate(90, "a text that goes", finish_reason="length"),
        candidate(91, ""),
    ]
    assert list(read(Reader(), rows).scores) == [row["id"] for row in rows[:2]]


def test_nothing_to_read_is_no_error():
    reading = read(Reader(), [])
    assert reading.scores == {}
    assert len(reading.real) == 8


def test_the_accuracy_is_that_on_real_rows_that_were_not_shown():
    reading = read(Reader(reader=right_label))
    assert (reading.accuracy, len(reading.real)) == ({"llm": 1.0}, 8)
    reading = read(Reader("wrong", reader=lambda text, choice: -right_label(text, choice)))
    assert (reading.accuracy, len(reading.real)) == ({"llm": 0.0}, 8)


@pytest.mark.parametrize("train", [[], reviews({"negative": 1, "positive": 1})])
def test_without_hidden_real_rows_there_is_no_accuracy(train):
    reading = read(Reader(), train=train)
    assert (reading.accuracy, reading.real) == ({}, {})
    assert list(reading.scores) == [row["id"] for row in CANDIDATES]


def test_rows_without_a_label_are_not_read_and_do_not_shift_the_centre():
    plain = read(Reader("plain", reader=noisy))
    more = [*CANDIDATES, *(candidate(60 + at, f"text {at}", "") for at in range(30))]
    found = read(Reader("more", reader=noisy), more)
    assert list(found.scores) == list(plain.scores)
    for row_id, own in plain.scores.items():
        np.testing.assert_array_equal(found.scores[row_id], own)


def test_pairs_are_read_whole():
    pairs = card(pair_name="claim", source=None)
    train = [{**row, "text_pair": f"claim {at}"} for at, row in enumerate(TRAIN)]
    rows = [{**row, "text_pair": f"another claim {at}"} for at, row in enumerate(CANDIDATES)]
    rows.append(candidate(90, "a first text alone", text_pair=""))
    model = Reader()
    found = verify(config(verify={"action": "drop"}), pairs, rows, train, model)
    assert list(found.scores) == [row["id"] for row in CANDIDATES]
    prefix, suffixes, _ = model.calls[0]
    assert suffixes[3] == f" {CANDIDATES[3]['text']}\nClaim: another claim 3\nSentiment:"
    assert "\nClaim: claim " in prefix


@pytest.mark.parametrize("constant", [-30.0, -1.0, 0.5, 25.0])
def test_a_bias_towards_one_label_changes_nothing(constant):
    plain = read(Reader("plain", reader=noisy))
    biased = read(
        Reader("biased", reader=lambda text, choice: noisy(text, choice) + constant * ("positive" in choice))
    )
    verdicts = [[int(own.argmax()) for own in each.scores.values()] for each in (plain, biased)]
    assert set(verdicts[0]) == {0, 1}
    assert verdicts[0] == verdicts[1]
    for row_id, own in plain.scores.items():
        np.testing.assert_allclose(biased.scores[row_id], own, atol=1e-4)
    assert biased.accuracy == plain.accuracy


SCORES = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).normal(0, 3, (30, 3)))
WRITTEN = [number % 3 for number in range(30)]


@given(SCORES, st.lists(st.floats(-20, 20), min_size=3, max_size=3))
def test_offsets_follow_a_constant_per_label(scores, constants):
    shifted = log_softmax(log_softmax(scores) + np.array(constants))
    plain = log_softmax(scores) - centre(log_softmax(scores), WRITTEN, 3)
    moved = shifted - centre(shifted, WRITTEN, 3)
    np.testing.assert_allclose(log_softmax(moved), log_softmax(plain), atol=1e-9)


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


def test_log_probabilities_are_stable_and_empty_scores_stay_empty():
    rows = log_softmax(np.array([[1000.0, 1000.0], [-1e9, 0.0]]))
    np.testing.assert_allclose(rows, [[-np.log(2)] * 2, [-1e9, 0]])
    assert log_softmax(np.zeros((0, 2))).shape == (0, 2)


def test_texts_are_read_in_chunks_that_are_kept(chunks_of_four):
    model, told = Reader(), []
    verifier = Verifier(card(), "prompt", model)
    first = verifier.read([f"text {number}" for number in range(10)], told.append)
    assert [len(suffixes) for _, suffixes, _ in model.calls] == told == [4, 4, 2]
    again = Verifier(card(), "prompt", model)
    np.testing.assert_array_equal(again.read([f"text {number}" for number in range(10)], told.append), first)
    assert len(model.calls) == 3


@pytest.mark.parametrize("chunk", range(4))
def test_an_interrupted_run_goes_on_at_the_chunk_and_ends_the_same(
    chunk, chunks_of_four, monkeypatch, tmp_path
):
    first, second = Reader(fail_at=chunk, reader=noisy), Reader(reader=noisy)
    with pytest.raises(KeyboardInterrupt):
        read(first)
    resumed = read(second)
    whole = Reader(reader=noisy)
    monkeypatch.setenv("LABELMINT_CACHE", str(tmp_path))
    uninterrupted = read(whole)
    assert len(whole.calls) == 7  # 20 candidates, 8 hidden real rows
    assert first.calls + second.calls == whole.calls
    assert list(resumed.scores) == list(uninterrupted.scores)
    for row_id, own in uninterrupted.scores.items():
        np.testing.assert_array_equal(resumed.scores[row_id], own)


def test_other_thresholds_read_nothing_again():
    read(Reader())
    model = Reader()
    read(model, min_margin=1.0, action="relabel")
    assert model.calls == []


def test_more_candidates_read_only_the_chunks_that_changed(chunks_of_four):
    read(Reader(), CANDIDATES[:12])
    model = Reader()
    read(model, CANDIDATES[:14])
    assert [len(suffixes) for _, suffixes, _ in model.calls] == [2]


@pytest.mark.parametrize(
    "change",
    [
        {"the_card": card(question="Verdict")},
        {"prefix": "another prompt"},
        {"model": Reader("another model")},
        {"texts": ["another text"]},
    ],
)
def test_another_question_prompt_model_or_text_is_read_anew(change):
    def reading(model, the_card=None, prefix="prompt", texts=("a text",)):
        Verifier(the_card or card(), prefix, model).read(list(texts), lambda _: None)
        return len(model.calls)

    assert reading(Reader()) == 1
    assert reading(**{"model": Reader(), **change}) == 1
    assert reading(Reader()) == 0


def test_a_models_error_is_passed_on():
    class Small(Reader):
        def score(self, prefix, suffixes, choices):
            raise ModelError("the prompt does not fit")

    with pytest.raises(ModelError, match="does not fit"):
        read(Small())


def test_chunks_are_large_enough_for_every_slot():
    assert CHUNK_TEXTS >= 255  # the most that llm.slots allows
