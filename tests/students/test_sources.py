import numpy as np
import pytest

from labelmint.core.folds import FOLDS
from labelmint.core.params import Arm
from labelmint.students.sources import by_source
from labelmint.students.weighting import weigh, weighted
from tests.builders import with_folds


def task(synthetic_right, unlabelled_right, real=60, made=300):
    """Return rows, labels and vectors; the made rows' labels are right with these probabilities."""
    draw = np.random.default_rng(1)
    sources = ["real"] * real + ["synthetic"] * made + ["unlabelled"] * made
    truth = np.tile([0, 1], len(sources))[: len(sources)]
    features = draw.normal(0, 1, (len(sources), 10)).astype(np.float32)
    features[:, 0] += truth
    right = np.repeat([1.0, synthetic_right, unlabelled_right], [real, made, made])
    labels = np.where(draw.random(len(sources)) < right, truth, 1 - truth)
    return rows_of(labels, sources), labels, features


def rows_of(labels, sources):
    """Return rows with these labels, the real ones with their folds."""
    rows = [
        {"id": str(at), "text": f"text {at}", "label": "ab"[label], "source": source}
        for at, (label, source) in enumerate(zip(labels, sources, strict=True))
    ]
    return with_folds(rows)


def chosen_for(rows, features):
    summary = by_source(Arm(real="all"), rows, "ab", features, 1)[1]
    return summary["weights"], summary["weights_tried"]


@pytest.mark.parametrize(("right", "helps"), [(0.1, False), (0.95, True)])
def test_a_helpful_source_counts_and_one_with_wrong_labels_does_not(right, helps):
    rows, _, features = task(right, 0.0)
    chosen, tried = chosen_for(rows[:360], features[:360])
    assert chosen["real"] == 1
    assert (chosen["synthetic"] > 0) == helps
    best = max(tried, key=lambda entry: entry["log_likelihood"])
    assert {name: best[name] for name in chosen} == chosen


def test_every_combination_of_two_sources_is_tried():
    rows, _, features = task(0.2, 0.95, made=60)
    assert len(chosen_for(rows, features)[1]) == 9


@pytest.mark.parametrize("real_labels", [[0], [0] * 5])
def test_with_too_few_real_rows_to_hold_out_every_row_counts(real_labels):
    rows, labels, features = task(0.9, 0.9, real=len(real_labels))
    labels[: len(real_labels)] = real_labels
    chosen, tried = chosen_for(rows_of(labels, [row["source"] for row in rows]), features)
    assert (set(chosen.values()), tried) == ({1.0}, [])


@pytest.mark.parametrize("right", [0.1, 0.95])
def test_rows_carry_the_weight_of_their_source(right):
    rows, _, features = (part[:360] for part in task(right, 0.0))
    weights, summary = by_source(Arm(real="all"), rows, "ab", features, 1)
    left = weighted(rows, weights)
    assert len(left) == (360 if summary["weights"]["synthetic"] else 60)
    for row in left:
        assert row.get("weight", 1.0) == summary["weights"][row["source"]]


def test_a_source_that_knows_the_held_out_rows_gains_nothing_by_that():
    """Texts like the real rows', labelled as these are: they only repeat what is held out."""
    draw = np.random.default_rng(1)
    labels, features = draw.integers(0, 2, 60), draw.normal(0, 1, (60, 200)).astype(np.float32)
    rows = rows_of([*labels, *labels], ["real"] * 60 + ["unlabelled"] * 60)
    copies = [dict(row) for row in rows]
    for row, real in zip(copies[60:], rows[:60], strict=True):
        guess = draw.choice(["a", "b"])
        row["fold_labels"] = [guess if fold == real["fold"] else real["label"] for fold in range(FOLDS)]
    twice = np.concatenate([features, features])
    seen, unseen = (
        max(entry["log_likelihood"] for entry in chosen_for(part, twice)[1]) for part in (rows, copies)
    )
    assert seen > -0.3
    assert unseen < -0.65  # it can't be better than a guess


def test_unclear_rows_weigh_what_their_source_does(monkeypatch):
    """Rows of the wrong label aren't learnt from, and neither are the unclear rows of their source."""
    rows, _, features = (part[:360] for part in task(0.1, 0.0))
    folds = ["a"] * FOLDS
    unclear = [{"id": f"x{at}", "label": "", "source": "synthetic", "fold_labels": folds} for at in range(3)]
    every = np.concatenate([features, features[-3:]])
    monkeypatch.setattr("labelmint.students.weighting.embed_by_source", lambda *_: every)
    arm = Arm(real="all", weights="chosen")
    left, unclear_left, summary = weigh(arm, rows, unclear, "ab", None, 1)
    assert summary["weights"]["synthetic"] == 0
    assert (len(left), unclear_left) == (60, [])
    assert weigh(Arm(real="all"), rows, unclear, "ab", None, 1)[:2] == (rows, unclear)
    every = features
    assert weigh(Arm(real="all", synthetic="all", weights="imp"), rows, unclear, "ab", None, 1)[1] == unclear


def test_unclear_rows_bear_on_the_choice_of_weights():
    """Labelled rows repeat what is held out; what would tell so was unclear because of it."""
    draw = np.random.default_rng(1)
    labels, features = draw.integers(0, 2, 60), draw.normal(0, 1, (60, 200)).astype(np.float32)
    rows = rows_of([*labels, *labels], ["real"] * 60 + ["unlabelled"] * 60)
    unclear = [
        {
            **row,
            "label": "",
            "fold_labels": ["ab"[1 - label] if fold == real["fold"] else "" for fold in range(5)],
        }
        for row, real, label in zip(rows[60:], rows, labels, strict=False)
    ]
    likelihoods = [
        max(entry["log_likelihood"] for entry in chosen_for(part, np.concatenate([features] * times))[1])
        for part, times in ((rows, 2), ([*rows, *unclear], 3))
    ]
    assert likelihoods[0] > -0.3
    assert likelihoods[1] < -0.6
