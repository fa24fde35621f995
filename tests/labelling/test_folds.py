"""Kept texts carry the labels that they'd have without each fold of the real rows."""

import numpy as np
import pytest

from labelmint.core.folds import FOLDS, folds_in_turn
from labelmint.labelling.folds import add_fold_labels
from labelmint.labelling.scores import score_labels
from labelmint.tasks.task import Task
from tests.builders import card
from tests.labelling.scorer import LABELS, Scorer
from tests.rules.helpers import settings

REAL = [
    {"id": f"r{at}", "text": f"text {at}", "label": LABELS[label]}
    for at, label in enumerate(np.random.default_rng(1).integers(0, 2, 100))
]
TEXTS = [{"id": f"u{at}", "text": row["text"]} for at, row in enumerate(REAL)]


def by_number(_, rows, on_rows):
    """Return vectors that tell each text from the others and nothing of its label."""
    vectors = [np.random.default_rng(int(row["text"].split()[1])).normal(0, 1, 200) for row in rows]
    return np.array(vectors, np.float32)


def task(action="relabel", scorers=("classifier",)):
    return Task(
        settings(labelling={"action": action, "scorers": [*scorers], "min_margin": 0.85}), card(), REAL
    )


def test_a_scorer_without_a_fold_does_not_know_its_rows(monkeypatch):
    """The texts are the real rows' own."""
    monkeypatch.setattr("labelmint.labelling.scores.embed_rows", by_number)
    scores = score_labels(task(), TEXTS, Scorer())
    folds = folds_in_turn(row["label"] for row in REAL)
    right = np.array(
        [
            [LABELS[of_fold.argmax()] == real["label"] for of_fold in scores.without_folds[text["id"]]]
            for text, real in zip(TEXTS, REAL, strict=True)
        ]
    )
    assert right.shape == (100, FOLDS)
    own = np.arange(FOLDS) == np.array(folds)[:, None]
    assert right[~own].all()
    assert 0.3 < right[own].mean() < 0.7


def test_a_scorer_that_learns_nothing_from_real_rows_says_the_same_without_them():
    scores = score_labels(task(scorers=["llm"]), TEXTS[:3], Scorer())
    for text in TEXTS[:3]:
        assert (scores.without_folds[text["id"]] == scores.texts[text["id"]]).all()


NEGATIVE, POSITIVE, UNSURE = np.log([0.9, 0.1]), np.log([0.1, 0.9]), np.log([0.5, 0.5])


@pytest.mark.parametrize(
    ("action", "folds", "expected"),
    [
        ("relabel", [NEGATIVE] * 5, None),
        ("relabel", [NEGATIVE, POSITIVE, UNSURE, NEGATIVE, NEGATIVE], [*LABELS, "", "negative", "negative"]),
        ("drop", [NEGATIVE, POSITIVE, UNSURE, NEGATIVE, NEGATIVE], ["negative", "", "", *["negative"] * 2]),
    ],
)
def test_rows_have_the_clear_label_of_each_fold_where_one_differs(action, folds, expected):
    row = {"id": "1", "text": "a text", "label": "negative", "judged_label": "negative"}
    (with_folds,) = add_fold_labels(task(action), [row], {"1": np.array(folds)})
    assert with_folds.get("fold_labels") == expected
    assert {key: with_folds[key] for key in row} == row


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("unsure_label", ["negative", "", "", "", "positive"]),
        ("wrong_label", ["negative", "", "", "", "positive"]),
        ("near_duplicate", None),  # it would not be kept under any label
    ],
)
def test_a_row_that_is_rejected_for_its_label_has_those_that_are_clear_without_a_fold(rule, expected):
    row = {"id": "1", "text": "a text", "rule": rule}
    folds = np.array([NEGATIVE, UNSURE, UNSURE, UNSURE, POSITIVE])
    (with_folds,) = add_fold_labels(task(), [row], {"1": folds})
    assert with_folds.get("fold_labels") == expected
    (without,) = add_fold_labels(task(), [row], {"1": np.array([UNSURE] * 5)})
    assert without == row


def test_rows_that_are_rejected_before_they_are_scored_have_none():
    row = {"id": "1", "text": "", "rule": "empty"}
    assert add_fold_labels(task(), [row], {"2": np.array([NEGATIVE] * 5)}) == [row]


def test_rows_that_were_not_scored_have_none():
    assert add_fold_labels(task("none"), [{"id": "1"}], {}) == [{"id": "1"}]
