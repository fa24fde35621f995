"""Answers on the test rows, kept in git."""

import json

import numpy as np
import pytest

from labelmint.scoring.answers import read_answers, write_answers
from labelmint.scoring.scores import ArmPredictions
from tests.builders import labelled


@pytest.mark.parametrize("labels", [1, 2, 16, 17, 300])
def test_answers_are_read_as_they_were_written(labels):
    draw = np.random.default_rng(labels)
    names = [f"label {number}" for number in range(labels)]
    truth = draw.integers(0, labels, 40)
    rows = [labelled("", number) for number in range(40)]
    arms = [ArmPredictions(name, 9, draw.random((seeds, 40, labels))) for name, seeds in (("a", 1), ("b", 3))]
    written = json.loads(json.dumps(write_answers(arms, truth, names, rows)))
    answers = read_answers(written)
    assert (answers.names, answers.truth.tolist()) == (names, truth.tolist())
    for arm in arms:
        assert np.array_equal(answers.arms[arm.arm].predicted, arm.predicted)


def test_the_test_set_is_known_by_its_texts_and_labels_and_not_by_ids():
    rows = [labelled("", 1, "one"), labelled("", 2, "two")]
    names, truth = ["bad", "good"], np.array([0, 1])

    def test_set(rows, truth=truth):
        return write_answers([], truth, names, rows)["test_set"]

    assert test_set([{**row, "id": f"x{row['id']}"} for row in rows]) == test_set(rows)
    assert test_set(rows[::-1]) != test_set(rows)
    assert test_set(rows, truth[::-1]) != test_set(rows)


def test_without_test_rows_there_are_no_answers():
    arms = [ArmPredictions("a", 9, np.zeros((1, 0, 2)))]
    answers = read_answers(write_answers(arms, np.zeros(0, np.int64), ["bad", "good"], []))
    assert answers.arms["a"].predicted.shape == (1, 0)
