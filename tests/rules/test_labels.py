import numpy as np
import pytest

from labelmint.rules.filtering import RuleResult
from labelmint.rules.labels import label_rules
from tests.builders import candidate, card
from tests.rules.helpers import filtering_of, settings

# All rows were written as "negative".
SCORES = {"s000000": [-0.1, -2.4], "s000001": [-2.4, -0.1], "s000002": [-0.6, -0.8], "s000003": [-0.7, -0.7]}


def checked(action, min_margin=0.0):
    """Return the results and the labels."""
    scores = {row_id: np.array(row) for row_id, row in SCORES.items()}
    params = settings(labelling={"action": action, "min_margin": min_margin})
    filtering = filtering_of("one", "two", "three", "four", scores=scores, params=params)
    label_rules(filtering, {"unsure_label", "wrong_label"})
    return filtering.results, list(filtering.labels.values())


def test_rows_that_score_best_with_another_label_are_dropped_and_a_tie_goes_to_the_first_label():
    results, labels = checked("drop")
    assert results == {"s000001": RuleResult("wrong_label", {"judged_label": "positive", "margin": 2.3})}
    assert labels == ["negative"] * 4


def test_rows_that_score_best_with_another_label_are_relabelled():
    assert checked("relabel") == ({}, ["negative", "positive", "negative", "negative"])


def test_without_an_action_scores_are_not_read():
    assert checked("none", 9.0) == ({}, ["negative"] * 4)


@pytest.mark.parametrize("action", ["drop", "relabel"])
def test_rows_that_win_by_less_than_the_margin_are_unsure(action):
    result = checked(action, 0.5)[0]["s000002"]
    assert result == RuleResult("unsure_label", {"judged_label": "negative", "margin": 0.2})
    assert "s000002" not in checked(action, 0.1)[0]


def test_the_margin_is_to_the_second_of_several_labels():
    scores = {"s000000": np.array([-3.0, -0.3, -1.3])}
    params = settings(labelling={"action": "drop", "min_margin": 1.1})
    filtering = filtering_of(candidate(0, "one", "b"), scores=scores, params=params)
    filtering.card = card(labels={name: {"name": name, "phrase": name} for name in "abc"})
    label_rules(filtering, {"unsure_label"})
    assert filtering.results["s000000"] == RuleResult("unsure_label", {"judged_label": "b", "margin": 1.0})
