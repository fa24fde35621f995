"""What sources are worth per minute, the best student at each speed, the alternative, and escalation."""

from dataclasses import replace

import numpy as np
import pytest

from labelmint.scoring.evaluation import evaluate, unscored
from labelmint.scoring.roles import Roles
from labelmint.scoring.tradeoffs import escalation, tradeoffs
from tests.scoring.helpers import NAMES, arm, config, wrong_at

TRUTH = np.arange(200) % 2
SPEEDS = {"llm": 17.0, "llm_probe": 16.0, "tfidf": 20_000.0, "fine_tune": 330.0}
ROWS = {"mixed": 600, "texts": 900, "all": 1300, "real_300": 300}
MINUTES = {"synthetic": 10.0, "unlabelled": 2.0}


def arms(**wrong):
    """Return arms that label that many of the 200 rows wrong, with speeds."""
    return [
        replace(
            arm(name, wrong_at(TRUTH, range(count)), ROWS.get(name, 100)),
            texts_per_s=SPEEDS.get(name, 340.0),
        )
        for name, count in wrong.items()
    ]


def tradeoffs_of(given, minutes=MINUTES):
    roles = Roles(given, "auto", 100)
    return tradeoffs(evaluate(roles, TRUTH, NAMES[:2], config(100)), roles, minutes)


def test_each_source_has_its_gain_and_what_a_minute_of_it_brought():
    sources = tradeoffs_of(arms(real=60, real_300=40, mixed=50, texts=48, all=44))["sources"]
    assert list(sources) == ["synthetic", "unlabelled", "both"]
    assert [(entry["arm"], entry["rows"], entry["minutes"]) for entry in sources.values()] == [
        *[("mixed", 500, 10), ("texts", 800, 2), ("all", 1200, 12)]
    ]
    assert sources["unlabelled"]["gain"]["accuracy"] == 0.06
    assert [entry["points_per_minute"] for entry in sources.values()] == [0.5, 3.0, 0.667]
    assert 100 < sources["both"]["label_equivalence"]["rows"] < 300


def test_what_was_not_measured_is_not_made_up():
    measured = {"synthetic": None, "unlabelled": 2.0}
    sources = tradeoffs_of(arms(real=60, mixed=50, texts=48, all=44), measured)["sources"]
    assert (sources["both"]["minutes"], sources["both"]["points_per_minute"]) == (None, None)
    assert (sources["synthetic"]["minutes"], sources["synthetic"]["points_per_minute"]) == (None, None)
    assert sources["unlabelled"]["points_per_minute"] == 3.0
    assert sources["unlabelled"]["label_equivalence"] == {}  # there is no curve
    assert tradeoffs_of(arms(mixed=50))["sources"]["synthetic"]["gain"] == {}
    slow = [replace(each, texts_per_s=None) for each in arms(real=60, mixed=50, llm=20)]
    assert tradeoffs_of(slow)["speeds"] == []
    assert tradeoffs_of(slow)["alternative"]["arm"] == "real"


def test_of_each_student_the_best_arm_with_the_labels_at_hand_has_a_speed():
    speeds = tradeoffs_of(arms(real=60, real_300=10, mixed=50, llm=30, llm_probe=35, tfidf=80, fine_tune=55))[
        "speeds"
    ]
    assert [(entry["student"], entry["arm"], entry["frontier"]) for entry in speeds] == [
        ("llm_probe", "llm_probe", False),  # slower than the llm, and worse
        ("llm", "llm", True),
        ("fine_tune", "fine_tune", False),
        ("auto", "mixed", True),
        ("tfidf", "tfidf", True),
    ]
    assert (speeds[1]["mean"], speeds[1]["texts_per_s"]) == (0.85, 17)
    assert speeds[1]["ci_low"] < 0.85 < speeds[1]["ci_high"]


@pytest.mark.parametrize(
    ("wrong", "best"),
    [
        ({"real": 60, "llm": 10}, "real"),  # the llm is better, but slow
        ({"real": 60, "real_300": 10}, "real"),  # has more labels
        ({"real": 60, "fine_tune": 40}, "fine_tune"),  # nearly as fast
        ({"real": 60, "tfidf": 58}, "tfidf"),
        ({"real": 60, "texts": 30}, "texts"),  # the same student without some rows
    ],
)
def test_the_alternative_is_the_best_that_is_as_fast_with_the_same_labels(wrong, best):
    assert tradeoffs_of(arms(all=50, **wrong))["alternative"]["arm"] == best


def test_the_alternative_says_of_how_many_it_is_the_best():
    assert tradeoffs_of(arms(all=50, real=60, texts=30, real_300=10, llm=10))["alternative"]["of"] == 2


def test_without_another_arm_there_is_no_alternative():
    assert tradeoffs_of(arms(mixed=50, llm=10))["alternative"] == {}


def test_without_test_labels_there_is_nothing():
    roles = Roles(arms(real=60, mixed=50), "auto", 100)
    assert tradeoffs(unscored(roles, "accuracy"), roles, MINUTES) == {
        **{"sources": {}, "speeds": [], "alternative": {}}
    }


ANSWERS = np.array([0, 1] * 50)


def answers(right, confidence):
    """Return probabilities: the label that is right, or not, with this confidence."""
    labels = np.where(right, ANSWERS, 1 - ANSWERS)
    probabilities = np.repeat(1 - confidence[:, None], 2, axis=1)
    probabilities[np.arange(len(ANSWERS)), labels] = confidence
    return probabilities


def test_the_least_sure_texts_are_passed_on_first():
    """The student is wrong exactly on the 20 texts that it is least sure of; the model is always right."""
    confidence = np.linspace(0.6, 0.99, 100)
    curve = escalation(
        answers(np.arange(100) >= 20, confidence), answers(np.ones(100, bool), confidence), ANSWERS
    )
    by_share = {point["share"]: point["accuracy"] for point in curve}
    assert (by_share[0.0], by_share[0.1], by_share[0.2], by_share[1.0]) == (0.8, 0.9, 1.0, 1.0)


def test_at_the_ends_are_the_student_and_the_model():
    draw = np.random.default_rng(1)
    student, llm = draw.random(100) < 0.7, draw.random(100) < 0.5
    sure = draw.uniform(0.5, 1, 100)
    curve = escalation(answers(student, sure), answers(llm, sure), ANSWERS)
    assert (curve[0]["accuracy"], curve[-1]["accuracy"]) == (student.mean(), llm.mean())
    assert [point["share"] for point in curve] == sorted(point["share"] for point in curve)
