import pytest

from labelmint.core.errors import ParamsError
from labelmint.tasks.balance import label_shares
from tests.builders import card, labelled_rows

ROWS = labelled_rows({"positive": 3, "negative": 1})


@pytest.mark.parametrize(
    ("wanted", "shares"),
    [
        ("balanced", [0.5, 0.5]),
        ("real", [0.25, 0.75]),
        ({"positive": 0.2, "negative": 0.6}, [0.75, 0.25]),
    ],
)
def test_shares_are_in_the_card_s_order_and_sum_to_one(wanted, shares):
    found = label_shares(wanted, card(), ROWS)
    assert list(found) == ["negative", "positive"]
    assert list(found.values()) == pytest.approx(shares)


def test_balance_needs_no_rows():
    for wanted in ("balanced", "real"):
        assert label_shares(wanted, card(), []) == {"negative": 0.5, "positive": 0.5}


@pytest.mark.parametrize(
    ("wanted", "rows", "message"),
    [
        ("real", ROWS[:3], "label_shares: real: no real row is labelled 'negative'; raise real.rows"),
        ({"negative": 0.5, "fine": 0.5}, ROWS, "label_shares: no label 'fine'; there are negative, positive"),
        ({"negative": 1.0}, ROWS, "label_shares: 'positive' has no share above 0"),
        ({"negative": 1.0, "positive": 0.0}, ROWS, "label_shares: 'positive' has no share above 0"),
        ({}, ROWS, "label_shares: 'negative' has no share above 0"),
    ],
)
def test_shares_that_do_not_fit_are_an_error(wanted, rows, message):
    with pytest.raises(ParamsError) as caught:
        label_shares(wanted, card(), rows)
    assert str(caught.value).startswith(f"params.yaml: {message}")
