from collections import Counter

import pytest

from stages.errors import DataError
from stages.filter.select import select
from stages.filter.sieve import Sieve
from tests.builders import candidate
from tests.filter.helpers import config

NAMES = ["negative", "positive"]


def selected(counts, candidates=1000, labels=None, **settings):
    """Select from that many accepted rows of each label, one label after the other; return the sieve."""
    names = [name for name, count in counts.items() for _ in range(count)]
    sieve = Sieve([candidate(number, f"text {number}", name) for number, name in enumerate(names)])
    own = labels or {row["id"]: row["label"] for row in sieve.standing}
    select(sieve, config(**settings), NAMES, own, candidates)
    return sieve


def kept(sieve):
    return [row["id"] for row in sieve.standing]


def failure(*arguments, **settings):
    with pytest.raises(DataError) as caught:
        selected(*arguments, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# 0: as many as the rarest label has.
@pytest.mark.parametrize(("asked", "number"), [(0, 30), (1, 1), (7, 7), (30, 30)])
def test_every_label_keeps_exactly_the_same_number(asked, number):
    sieve = selected({"negative": 50, "positive": 30}, rows_per_label=asked)
    assert Counter(row["label"] for row in sieve.standing) == {"negative": number, "positive": number}
    assert Counter(rule for rule, _ in sieve.verdicts.values()) == Counter(surplus=80 - 2 * number)


def test_the_surplus_says_how_many_were_accepted_and_kept():
    sieve = selected({"negative": 50, "positive": 30}, rows_per_label=10)
    assert len(sieve.verdicts) == 60
    for row_id, (_, evidence) in sieve.verdicts.items():
        assert evidence == {"accepted": 50 if row_id < "s000050" else 30, "kept": 10}


def test_the_choice_is_seeded_and_not_just_the_first():
    counts = {"negative": 60, "positive": 60}
    first = kept(selected(counts, rows_per_label=20))
    assert kept(selected(counts, rows_per_label=20)) == first == sorted(first)
    assert kept(selected(counts, rows_per_label=20, seed=2)) != first
    assert max(first[:20]) > "s000030"


def test_more_rows_per_label_keep_those_of_fewer():
    counts = {"negative": 60, "positive": 60}
    few, many = (set(kept(selected(counts, rows_per_label=rows))) for rows in (20, 40))
    assert few < many


def test_rows_count_for_the_label_that_they_were_given():
    labels = {f"s{number:06d}": NAMES[number % 2] for number in range(10)}
    sieve = selected({"negative": 10}, labels=labels, rows_per_label=5)
    assert len(sieve.standing) == 10


def test_a_shortfall_says_how_many_more_are_needed_and_how_to_get_them():
    assert failure({"negative": 50, "positive": 30}, rows_per_label=40) == (
        "params.yaml: filter.rows_per_label=40: 10 more of 'positive' (30 accepted) must be accepted; "
        "raise generate.candidates from 1000 to about 1400, or lower the number"
    )


def test_a_shortfall_of_several_labels_names_them_all():
    message = failure({"negative": 20, "positive": 30}, rows_per_label=40)
    assert "20 more of 'negative' (20 accepted), 10 more of 'positive' (30 accepted)" in message
    assert "from 1000 to about 2000" in message


@pytest.mark.parametrize("asked", [0, 5])
@pytest.mark.parametrize("counts", [{"negative": 9, "positive": 0}, {"negative": 0, "positive": 0}])
def test_a_label_without_any_row_is_an_error_that_says_where_to_look(counts, asked):
    message = failure(counts, rows_per_label=asked)
    assert "of 'positive' (0 accepted)" in message
    assert "filter.verify" in message
