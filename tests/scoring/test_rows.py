import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmint.scoring.rows import HARDEST_ROWS, hardest, length_bins, slices, subjectivity
from labelmint.scoring.scores import ArmPredictions
from tests.builders import labelled
from tests.scoring.helpers import NAMES, arm, config, wrong_at


@settings(max_examples=25)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=60))
def test_length_bins_part_the_rows_and_their_names_say_how(words):
    words = np.array(words)
    bins = length_bins(words)
    assert 1 <= len(bins) <= 4
    assert sorted(np.concatenate([places for _, places in bins]).tolist()) == list(range(len(words)))
    for name, places in bins:
        low, high = (int(part) for part in (name.split("–") * 2)[:2])
        assert len(places)
        assert low <= words[places].min() <= words[places].max() <= high


def test_length_bins_are_quarters_where_lengths_differ():
    bins = length_bins(np.arange(1, 101))
    assert [(name, len(places)) for name, places in bins] == [
        ("1–25", 25),
        ("26–50", 25),
        ("51–75", 25),
        ("76–100", 25),
    ]
    assert length_bins(np.array([7, 7, 7]))[0][0] == "7"
    assert length_bins(np.array([], np.int64)) == []


def test_slices_are_scored_by_themselves():
    truth = np.array([0] * 50 + [1] * 50)
    inputs = [labelled(NAMES[label], at, " ".join("w" * (1 + at % 4))) for at, label in enumerate(truth)]
    result = slices([arm("mixed", wrong_at(truth, range(10)))], truth, NAMES[:2], inputs, config())["mixed"]
    assert [(part["label"], part["rows"], part["accuracy"]) for part in result["label"]] == [
        ("negative", 50, 0.8),
        ("positive", 50, 1.0),
    ]
    assert [part["words"] for part in result["length"]] == ["1", "2", "3", "4"]
    assert result["label"][0]["ci_low"] < 0.8 < result["label"][0]["ci_high"]


def test_a_slice_of_few_rows_that_are_all_right_has_a_wide_interval():
    truth = np.array([0] * 50 + [1] * 5)
    inputs = [labelled(NAMES[label], at) for at, label in enumerate(truth)]
    few = slices([arm("mixed", wrong_at(truth, range(9)))], truth, NAMES[:2], inputs, config())["mixed"]
    part = few["label"][1]
    assert (part["rows"], part["accuracy"], part["ci_high"]) == (5, 1.0, 1.0)
    assert part["ci_low"] == pytest.approx(0.566, abs=0.001)  # Wilson's


def test_a_label_without_test_rows_has_no_slice():
    truth = np.zeros(10, np.int64)
    inputs = [labelled("negative", at) for at in range(10)]
    result = slices([arm("mixed", wrong_at(truth, range(2)), labels=3)], truth, NAMES, inputs, config())
    assert [part["label"] for part in result["mixed"]["label"]] == ["negative"]


def test_the_hardest_rows_come_first_and_arms_count_the_same():
    truth = np.zeros(4, np.int64)
    inputs = [labelled("negative", at) for at in range(4)]
    three = arm("mixed", np.array([[1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0]]))
    one = arm("real", np.array([[0, 1, 0, 0]]))
    result = hardest([three, one], truth, NAMES[:2], inputs)
    assert [(row["id"], row["wrong"]) for row in result] == [("r000001", 0.6667), ("r000000", 0.5)]
    assert result[0]["predicted"] == {"mixed": "negative", "real": "positive"}
    assert set(result[0]) == {"id", "text", "label", "wrong", "predicted"}


def test_there_are_at_most_fifty():
    truth = np.zeros(90, np.int64)
    inputs = [labelled("negative", at) for at in range(90)]
    result = hardest([arm("mixed", wrong_at(truth, range(80)))], truth, NAMES[:2], inputs)
    assert [row["id"] for row in result] == [row["id"] for row in inputs[:HARDEST_ROWS]]


@pytest.mark.parametrize(
    ("answers", "agreement", "kappa"),
    [
        ([[0, 1, 0, 1], [0, 1, 0, 1]], 1.0, 1.0),
        ([[0, 1, 0, 1], [1, 0, 1, 0]], 0.0, -1.0),
        ([[0, 0], [0, 0], [0, 0]], 1.0, 1.0),  # of one label only: chance would agree as well
        ([[0, 0, 1, 1], [0, 1, 1, 0]], 0.5, 0.0),
        ([[0, 1], [0, 1], [0, 0]], 0.6667, 0.25),
    ],
)
def test_subjectivity_is_how_far_draws_disagree(answers, agreement, kappa):
    result = subjectivity([arm("mixed", np.zeros((2, 9), np.int64)), arm("llm", np.array(answers))], 2)
    assert result == {
        "agreement": agreement,
        "kappa": kappa,
        "rows": len(answers[0]),
        "draws": len(answers),
    }


def test_the_language_models_arm_of_the_most_seeds_tells_subjectivity():
    arms = [arm("llm", np.zeros((seeds, 5), np.int64)) for seeds in (1, 3, 2)]
    assert subjectivity(arms, 2)["draws"] == 3


def test_one_draw_says_nothing():
    assert subjectivity([arm("llm", np.zeros((1, 5), np.int64))], 2) == {}
    assert subjectivity([arm("mixed", np.zeros((2, 5), np.int64))], 2) == {}


def test_of_rows_as_often_wrong_the_least_doubted_answer_comes_first():
    wrong = np.array([[0.4, 0.6], [0.1, 0.9], [0.3, 0.7]])
    unsure = ArmPredictions("mixed", 100, wrong[None])
    inputs = [labelled("negative", at) for at in range(3)]
    result = hardest([unsure], np.zeros(3, np.int64), NAMES[:2], inputs)
    assert [row["id"] for row in result] == ["r000001", "r000002", "r000000"]
