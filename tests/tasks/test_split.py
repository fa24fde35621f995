import re
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from labelmint.core.errors import DataError
from labelmint.tasks.split import label_counts, split, stratified_order
from tests.builders import labelled_rows

LABELS = "abcdefghijk"
SEEDS = st.integers(0, 2**32 - 2)


@st.composite
def rows_of_labels(draw, least=1, labels=11):
    sizes = draw(st.lists(st.integers(least, 60), min_size=2, max_size=labels))
    return labelled_rows(dict(zip(LABELS, sizes, strict=False)))


@st.composite
def splits(draw):
    """Draw rows with the sizes of a split that they are enough for, and its seed."""
    rows = draw(rows_of_labels(least=10, labels=5))
    test_rows = draw(st.integers(2, len(rows) - 8))
    return rows, draw(st.integers(2, len(rows) - test_rows)), test_rows, draw(SEEDS)


def done(arguments):
    """Split, leaving out draws in which a label would have no row; those are tested below."""
    try:
        return split(*arguments)
    except DataError:
        assume(False)


def ids(rows):
    return [row["id"] for row in rows]


@settings(max_examples=25)
@given(rows_of_labels(), SEEDS)
def test_every_prefix_has_the_shares_of_the_whole_to_within_one_row(rows, seed):
    order = stratified_order(rows, seed)
    assert sorted(ids(order)) == sorted(ids(rows))
    whole, so_far = label_counts(rows), Counter()
    for length, row in enumerate(order, 1):
        so_far[row["label"]] += 1
        for label, count in whole.items():
            assert abs(so_far[label] - length * count / len(rows)) < 1


@settings(max_examples=20)
@given(splits())
def test_the_parts_are_disjoint_and_complete_and_of_the_sizes_asked_for(arguments):
    rows, train_rows, test_rows, _ = arguments
    parts = done(arguments)
    assert sorted(ids(parts.train) + ids(parts.pool) + ids(parts.test)) == sorted(ids(rows))
    assert len(parts.train) == train_rows
    assert len(parts.test) == test_rows
    assert all(row in rows for row in parts.test)  # whole rows, not only their ids


@settings(max_examples=20)
@given(splits(), st.data())
def test_other_training_rows_leave_the_test_set_and_the_order_as_they_are(arguments, data):
    rows, _, test_rows, seed = arguments
    parts = done(arguments)
    other = done((rows, data.draw(st.integers(1, len(rows) - test_rows)), test_rows, seed))
    assert other.test == parts.test
    assert other.train + other.pool == parts.train + parts.pool


@pytest.mark.parametrize(
    ("train_rows", "test_rows", "message"),
    [
        (41, 60, "prepare.test_rows=60 and real.rows=41 need 101 rows, but the task's data has 100; say"),
        (5, 50, "real.rows=5 leaves 'rare' without a training row; say real.rows: "),
        (50, 5, "prepare.test_rows=5 leaves 'rare' without a test row; say real.rows: "),
    ],
)
def test_too_few_rows_or_none_of_a_label_are_an_error(train_rows, test_rows, message):
    with pytest.raises(DataError, match=rf"^params\.yaml: {re.escape(message)}"):
        split(labelled_rows({"a": 97, "rare": 3}), train_rows, test_rows, 1)


def test_separate_test_rows_are_the_test_set_up_to_its_size():
    rows = labelled_rows({"a": 50, "b": 50})
    separate = [{**row, "id": f"t{number}"} for number, row in enumerate(labelled_rows({"a": 30, "b": 10}))]
    parts = split(rows, 10, 20, 1, separate)
    assert label_counts(parts.test) == {"a": 15, "b": 5}
    assert {row["id"][0] for row in parts.test} == {"t"}
    assert len(parts.train) + len(parts.pool) == 100
    assert len(split(rows, 10, 1000, 1, separate).test) == 40


def test_none_of_a_part_may_be_asked_for():
    rows = labelled_rows({"a": 50, "b": 50})
    parts = split(rows, 0, 40, 1)
    assert (parts.train, len(parts.pool), len(parts.test)) == ([], 60, 40)
    assert split(rows, 10, 0, 1).test == []
    assert split([], 0, 0, 1).pool == []


@settings(max_examples=30)
@given(rows_of_labels(), st.integers(0, 400), st.integers(0, 400), SEEDS)
def test_the_sizes_that_an_error_names_work(rows, train_rows, test_rows, seed):
    message = ""
    try:
        split(rows, train_rows, test_rows, seed)
    except DataError as error:
        message = str(error)
    if message:
        said = {key: int(size) for key, size in re.findall(r"(real\.rows|test_rows): (\d+)", message)}
        parts = split(rows, said["real.rows"], said.get("test_rows", test_rows), seed)
        assert parts.train or not train_rows
        assert "has only" in message or bool(parts.test) == bool(test_rows)


def test_separate_test_rows_may_be_too_few_for_the_labels():
    rows = labelled_rows({"a": 50, "b": 50})
    with pytest.raises(DataError, match=r"prepare\.test_rows=1 leaves a label without a test row") as caught:
        split(rows, 10, 1, 1, labelled_rows({"a": 97, "b": 3}))
    enough = int(str(caught.value).rpartition(": ")[2])
    assert label_counts(split(rows, 10, enough, 1, labelled_rows({"a": 97, "b": 3})).test)["b"] == 1
