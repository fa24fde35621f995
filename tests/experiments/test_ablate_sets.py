"""Which rows are in which set, with which labels; what is scored on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.ablate.gains import first, shuffled
from experiments.ablate.sets import read_candidates, read_scored, sort_candidates
from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import write_rows
from tests.builders import labelled
from tests.experiments.ablation import NAMES, kept, rejected

POSITIVE = {"negative": -2.0, "positive": -0.1}


def test_where_the_filter_relabels_rows_have_the_label_that_scores_best():
    candidates = sort_candidates(
        [kept(0, "negative", judged="positive", scores=POSITIVE), kept(1, "negative")],
        [
            rejected(2, "surplus", scores=POSITIVE),
            rejected(3, "unsure_label", scores=POSITIVE),
            rejected(4, "cut_off", finish_reason="length"),
        ],
    )
    assert candidates.accepted == {"s000000": "positive", "s000001": "negative", "s000002": "positive"}
    assert candidates.removed == {"cut_off": {"s000004": "negative"}, "unsure_label": {"s000003": "positive"}}
    # As written, and without the text that was cut off.
    assert candidates.finished == dict.fromkeys(["s000000", "s000001", "s000002", "s000003"], "negative")
    assert [row["id"] for row in candidates.rows] == [f"s{number:06d}" for number in range(5)]


def test_where_it_does_not_they_have_the_label_that_they_were_written_for():
    candidates = sort_candidates(
        [kept(0, "negative", scores=POSITIVE)],
        [rejected(1, "wrong_label", scores=POSITIVE), rejected(2, "surplus", scores=POSITIVE)],
    )
    assert candidates.removed == {"wrong_label": {"s000001": "negative"}}
    assert candidates.accepted == {"s000000": "negative", "s000002": "negative"}


def test_rules_come_in_the_order_of_the_rows_that_they_removed():
    rows = [rejected(number, rule) for number, rule in enumerate(["b", "new", "new", "a", "no_label"])]
    rows[4]["label"] = ""
    candidates = sort_candidates([], rows)
    assert candidates.counts == {"new": 2, "a": 1, "b": 1, "no_label": 1}
    assert list(candidates.counts) == list(candidates.removed) == ["new", "a", "b", "no_label"]
    assert candidates.removed["no_label"] == {}


@given(st.lists(st.sampled_from(["negative", "positive", None])), st.integers(0, 5), st.integers(0, 5))
def test_the_first_rows_of_an_order_fill_what_is_wanted(labels, negative, positive):
    by_id = {f"s{number}": label for number, label in enumerate(labels) if label}
    order = shuffled([f"s{number}" for number in range(len(labels))], "1:0")
    taken = first(order, by_id, {"negative": negative, "positive": positive})
    for label, wanted in (("negative", negative), ("positive", positive)):
        expected = [row_id for row_id in order if by_id.get(row_id) == label][:wanted]
        assert [row_id for row_id, of_label in taken if of_label == label] == expected


@pytest.mark.parametrize(("pool", "rows"), [(300, 300), (5000, 2000)])
def test_the_pool_is_scored_on(project, pool, rows):
    write_rows(paths.REAL_POOL, (labelled("negative", number) for number in range(pool)))
    scored = read_scored([])
    assert (scored.source, scored.note, len(scored.rows)) == ("pool", "", rows)
    assert len({row["id"] for row in scored.rows}) == rows
    assert scored == read_scored([])


def test_with_a_small_pool_the_training_rows_are_scored_on_and_the_reason_noted(project):
    write_rows(paths.REAL_POOL, (labelled("negative", number) for number in range(199)))
    scored = read_scored([labelled("negative", number) for number in range(500, 510)])
    assert (scored.source, len(scored.rows)) == ("train", 10)
    assert "the pool has only 199 rows, so the 10 training rows are scored on" in scored.note
    with pytest.raises(DataError, match=r"pool.jsonl: 199 rows.*nothing to score on"):
        read_scored([])


def test_rows_of_another_task_are_an_error(project):
    write_rows(paths.KEPT, [kept(0, "sport")])
    write_rows(paths.REJECTED, [])
    with pytest.raises(DataError, match=r"kept.jsonl: labels \['sport'\] are not the task's"):
        read_candidates(NAMES)
