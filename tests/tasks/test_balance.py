import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.core.errors import ParamsError
from labelmint.tasks.balance import class_balance, headline_metric, wanted_rows
from tests.builders import card, labelled_rows

ROWS = labelled_rows({"positive": 3, "negative": 1})


@pytest.mark.parametrize(
    ("wanted", "rows", "shares"),
    [
        ("balanced", ROWS, [0.5, 0.5]),
        ("real", ROWS, [0.25, 0.75]),
        ({"positive": 0.25, "negative": 0.75}, ROWS, [0.75, 0.25]),
        ("balanced", [], [0.5, 0.5]),
        ("real", [], [0.5, 0.5]),
    ],
)
def test_shares_are_in_the_card_s_order_and_sum_to_one(wanted, rows, shares):
    found = class_balance(wanted, card(), rows)
    assert list(found) == ["negative", "positive"]
    assert list(found.values()) == pytest.approx(shares)


@pytest.mark.parametrize(
    ("wanted", "rows", "message"),
    [
        ("real", ROWS[:3], "class_balance: real: no real row is labelled 'negative'; raise real.rows"),
        ({"negative": 0.5, "fine": 0.5}, ROWS, "class_balance: no label 'fine'; there are negative, pos"),
        ({"negative": 1.0}, ROWS, "class_balance: 'positive' has no share above 0"),
        ({"negative": 1.0, "positive": 0.0}, ROWS, "class_balance: 'positive' has no share above 0"),
        ({}, ROWS, "class_balance: 'negative' has no share above 0"),
    ],
)
def test_shares_that_do_not_fit_are_an_error(wanted, rows, message):
    with pytest.raises(ParamsError) as caught:
        class_balance(wanted, card(), rows)
    assert str(caught.value).startswith(f"params.yaml: {message}")


@given(st.lists(st.integers(1, 50), min_size=2, max_size=9), st.integers(1, 200))
def test_wanted_rows_are_exact_in_total_and_to_within_one_row_in_shares(weights, rows_per_label):
    shares = {f"l{at}": weight / sum(weights) for at, weight in enumerate(weights)}
    total = rows_per_label * len(shares)
    wanted = wanted_rows(rows_per_label, shares)
    assert list(wanted) == list(shares)
    raised = sum(total * share < 1 for share in shares.values())
    assert total <= sum(wanted.values()) <= total + raised
    for name, share in shares.items():
        assert wanted[name] == 1 or abs(wanted[name] - total * share) < 1


@pytest.mark.parametrize(
    ("counts", "metric"),
    [
        ({"negative": 75, "positive": 25}, "accuracy"),
        ({"negative": 76, "positive": 24}, "macro_f1"),
        ({"negative": 50, "positive": 30, "neutral": 20}, "accuracy"),
        ({"negative": 60, "positive": 40, "neutral": 0}, "macro_f1"),
        ({"negative": 0, "positive": 0}, "accuracy"),  # no real rows
    ],
)
def test_where_labels_are_unbalanced_macro_f1_is_the_metric(counts, metric):
    labels = [label for label, count in counts.items() for _ in range(count)]
    assert headline_metric("auto", labels, list(counts)) == metric
    assert headline_metric("accuracy", labels, list(counts)) == "accuracy"
    assert headline_metric("macro_f1", labels, list(counts)) == "macro_f1"
