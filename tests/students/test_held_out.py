"""Which rows are held out, and which labels the others have meanwhile."""

from collections import Counter
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmint.core.folds import folds_in_turn
from labelmint.students import held_out
from labelmint.students.held_out import (
    calibration_splits,
    count_splits,
    head_splits,
    real_folds,
    splits_of,
    training_rows,
)
from tests.builders import with_folds

NAMES = ["a", "b", "c", "d", "e"]


def real_splits(counts, seed=1, shuffled=True):
    """Return the labels of real rows, so many of each label, and the splits that validate a student."""
    labels = np.repeat(np.arange(len(counts)), np.array(counts, np.int64))
    if shuffled:
        labels = np.random.default_rng(0).permutation(labels)
    rows = [{"label": NAMES[label], "source": "real"} for label in labels]
    return labels, [split[:2] for split in splits_of(rows, NAMES, seed)]


def arm(real, made, labels="ab"):
    """Return rows of labels in turn: real ones with their folds, then made ones."""
    sources = {"real": real, "synthetic": made}
    return with_folds(
        [
            {"label": labels[at % len(labels)], "source": source}
            for source, count in sources.items()
            for at in range(count)
        ]
    )


@settings(max_examples=25)
@given(st.lists(st.integers(2, 60), min_size=2, max_size=4), st.integers(1, 40), st.integers(0, 9))
def test_validation_rows_are_disjoint_from_training_rows_and_from_each_other(counts, max_rows, seed):
    with patch.object(held_out, "MAX_VALIDATION_ROWS", max_rows):
        labels, splits = real_splits(counts, seed)
    everything = set(range(len(labels)))
    seen = []
    for train, validation in splits:
        assert 0 < len(validation) <= max_rows
        assert set(train) | set(validation) == everything
        assert len(train) + len(validation) == len(labels)
        assert train.tolist() == sorted(train)
        assert set(labels[train]) == set(labels)  # no label is unknown to the training rows
        seen += validation.tolist()
    assert splits
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    ("counts", "sizes"),
    [
        ([50, 50], [20] * 5),  # 100 rows: all five folds, until 100 rows are read
        ([125, 125], [50] * 2),
        ([150, 150], [60] * 2),
        ([500, 500], [200]),
        ([1500, 1500], [400]),  # the cap
        ([10, 10], [4] * 5),
        ([40, 3], [15, 14, 14]),  # few rows of a label make fewer folds
    ],
)
def test_few_rows_are_validated_by_more_splits(counts, sizes):
    assert [len(validation) for _, validation in real_splits(counts)[1]] == sizes


@pytest.mark.parametrize("counts", [[1, 1], [50, 1], [50, 1, 1]])
def test_fewer_than_two_labels_with_two_rows_cannot_be_validated(counts):
    assert real_splits(counts)[1] == []


@pytest.mark.parametrize("counts", [[1, 30, 30], [60, 3, 40, 1, 2]])
def test_all_rows_are_validated_but_the_only_one_of_a_label(counts):
    labels, splits = real_splits(counts)
    single = {label for label, count in enumerate(counts) if count == 1}
    assert len(splits) == 5
    assert sorted(np.concatenate([validation for _, validation in splits])) == [
        at for at, label in enumerate(labels) if label not in single
    ]
    for train, validation in splits:
        assert sorted([*train, *validation]) == list(range(len(labels)))


@pytest.mark.parametrize("shuffled", [True, False])
def test_a_capped_split_still_has_all_labels_in_their_shares(shuffled):
    labels, splits = real_splits([2000, 2000, 1000], shuffled=shuffled)
    counts = Counter(labels[splits[0][1]].tolist())
    assert sum(counts.values()) == 400
    for label, expected in enumerate([160, 160, 80]):
        assert abs(counts[label] - expected) <= 40


def test_splits_depend_on_the_seed_alone():
    def validation(seed):
        return [part.tolist() for _, part in real_splits([50, 50], seed=seed)[1]]

    assert validation(1) == validation(1)
    assert validation(1) != validation(2)


@pytest.mark.parametrize(("real", "made"), [(100, 0), (100, 1700), (100, 60), (0, 500), (20, 20), (40, 500)])
def test_the_forecast_counts_the_trainings(real, made):
    rows = arm(real, made)
    assert count_splits(real or made) == len(splits_of(rows, NAMES, 1))


def test_folds_have_every_label_and_stay_when_rows_follow():
    labels = [*"aabbabbaab" * 5, *"cde"]
    folds = folds_in_turn(labels)
    assert folds_in_turn(labels[:20]) == folds[:20]
    for label in "ab":
        counts = Counter(fold for fold, name in zip(folds, labels, strict=True) if name == label)
        assert max(counts.values()) - min(counts.values()) <= 1
    assert len(set(folds[-3:])) == 3  # labels of one row are spread over the folds


def test_each_real_row_is_held_out_once_with_the_labels_that_made_rows_have_without_it():
    rows = arm(50, 10)
    rows[50]["fold_labels"] = ["a", "b", "", "a", "a"]
    splits = real_folds(rows, NAMES)
    assert sorted(np.concatenate([split.held_out for split in splits])) == list(range(50))
    for fold, split in enumerate(splits):
        assert {rows[at]["fold"] for at in split.held_out} == {fold}
        assert {*split.train} == {*range(60)} - {*split.held_out} - ({50} if fold == 2 else set())
    labels = [dict(zip(split.train, training_rows(rows, split, NAMES), strict=True)) for split in splits]
    assert [rows_of[50]["label"] for rows_of in labels if 50 in rows_of] == ["a", "b", "a", "a"]
    assert [rows_of[51]["label"] for rows_of in labels] == ["b"] * 5


def test_an_unclear_row_is_trained_on_while_a_fold_is_held_out_without_which_it_has_a_clear_label():
    rows = [*arm(50, 10), {"label": "", "source": "synthetic", "fold_labels": ["", "b", "", "a", ""]}]
    splits = real_folds(rows, NAMES)
    labels = [[row["label"] for row in training_rows(rows, split, NAMES)] for split in splits]
    assert [len(split.train) for split in splits] == [50, 51, 50, 51, 50]
    assert [of_fold[-1] for of_fold in labels if len(of_fold) == 51] == ["b", "a"]
    assert head_splits(rows, NAMES)[1].train[-1] == 60


def test_the_only_real_row_of_a_label_is_trained_on_all_the_time():
    rows = arm(40, 40)
    rows[7]["label"] = "c"
    for split in real_folds(rows, NAMES):
        assert 7 in split.train


@pytest.mark.parametrize("real", ["", "a", "aaaa"])
def test_nothing_is_held_out_of_real_rows_of_fewer_than_two_labels(real):
    rows = arm(len(real), 0, "a") + arm(0, 40)
    assert real_folds(rows, NAMES) == []
    assert head_splits(rows, NAMES) == []


def test_rows_are_held_out_until_a_hundred_were_and_none_of_too_few():
    def held_out_rows(rows):
        return [len(split.held_out) for split in calibration_splits(rows, NAMES, 1)]

    assert held_out_rows(arm(100, 0)) == held_out_rows(arm(100, 1000)) == [20] * 5
    assert held_out_rows(arm(300, 1000)) == [60] * 2
    assert held_out_rows(arm(3000, 0)) == [400]
    assert held_out_rows(arm(20, 0)) == held_out_rows(arm(20, 100)) == held_out_rows(arm(0, 100)) == []


def test_a_head_is_calibrated_by_real_rows_where_they_are_enough():
    assert head_splits(arm(100, 0), NAMES) is None  # all rows have right labels
    assert len(head_splits(arm(30, 100), NAMES)) == 5
    assert head_splits(arm(20, 100), NAMES) == []
