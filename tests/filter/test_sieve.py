import numpy as np
import pytest

from labelmint.core.records import Input
from labelmint.rules.sieve import Sieve, apply_copies, apply_duplicates, apply_verification
from tests.builders import candidate, labelled
from tests.filter.helpers import config

NAMES = ["negative", "positive"]


def words(first, last):
    return " ".join(f"w{number}" for number in range(first, last + 1))


def sieve_of(*texts, **changes):
    return Sieve([candidate(number, text, **changes) for number, text in enumerate(texts)])


def ids(sieve):
    return [row["id"] for row in sieve.standing]


def copies(*texts, train=(), test=(), shown=(), **settings):
    """Apply the copy and leak rules; return the verdicts."""
    real = [labelled("negative", number, text) for number, text in enumerate(train)]
    inputs = [Input(id=f"t{number}", text=text) for number, text in enumerate(test)]
    sieve = sieve_of(*texts, demonstration_ids=[real[number]["id"] for number in shown])
    apply_copies(sieve, config(**settings), real, inputs)
    return sieve.verdicts


def test_judges_are_told_the_place_among_the_standing():
    sieve = sieve_of("a", "b", "c", "d")
    sieve.apply(lambda place, row: ("empty", {"at": place}) if row["text"] in "ac" else None)
    assert ids(sieve) == ["s000001", "s000003"]
    assert [row["text"] for row in sieve.standing] == ["b", "d"]
    sieve.apply(lambda place, row: ("too_short", {"at": place}) if place == 1 else None)
    assert sieve.verdicts == {
        "s000000": ("empty", {"at": 0}),
        "s000002": ("empty", {"at": 2}),
        "s000003": ("too_short", {"at": 1}),
    }


def test_exact_duplicates_name_the_first():
    sieve = sieve_of("A fine film!", "a dull film", "a fine film", "a fine film .", "fine old film")
    apply_duplicates(sieve, config(), [])
    twin = {"twin": "s000000", "twin_text": "A fine film!", "measure": "text", "similarity": 1.0}
    assert sieve.verdicts == {"s000002": ("exact_duplicate", twin), "s000003": ("exact_duplicate", twin)}


def test_near_duplicates_name_the_twin_and_the_similarity():
    sieve = sieve_of(words(50, 60), words(1, 20), "x y z", words(1, 21), words(1, 20))
    apply_duplicates(sieve, config(), [])
    assert sieve.verdicts == {
        "s000004": (
            "exact_duplicate",
            {"twin": "s000001", "twin_text": words(1, 20), "measure": "text", "similarity": 1.0},
        ),
        "s000003": (
            "near_duplicate",
            {"twin": "s000001", "twin_text": words(1, 20), "measure": "shingles", "similarity": 0.947},
        ),
    }


def test_the_order_of_the_same_words_matters():
    sieve = sieve_of("a b c d e f", "f e d c b a", "b a", "a b")
    apply_duplicates(sieve, config(), [])
    assert sieve.verdicts == {}


@pytest.mark.parametrize(
    ("shown", "rule"), [([1], "demonstration_copy"), ([0], "real_copy"), ([], "real_copy")]
)
def test_copies_of_real_rows_tell_demonstrations_from_others(shown, rule):
    found = copies(words(1, 11), train=[words(40, 50), words(2, 12)], shown=shown)
    evidence = {"real": "r000001", "real_text": words(2, 12), "measure": "shingles", "similarity": 0.889}
    assert found == {"s000000": (rule, evidence)}


def test_leaks_show_the_test_row():
    found = copies("other words here", words(1, 11), test=[words(40, 50), "x y z", words(2, 12)])
    evidence = {"test": "t2", "test_text": words(2, 12), "measure": "shingles", "similarity": 0.889}
    assert found == {"s000001": ("test_leak", evidence)}


def test_a_copy_of_a_real_row_is_called_one_even_if_it_is_near_a_test_row_too():
    assert copies(words(1, 9), train=[words(1, 9)], test=[words(1, 9)])["s000000"][0] == "real_copy"


@pytest.mark.parametrize(
    ("settings", "rules"),
    [
        ({}, ["real_copy", "test_leak"]),
        ({"copy_similarity": 0.9, "edited_copy_similarity": 1.0}, ["test_leak"]),
        ({"leak_similarity": 0.9, "edited_leak_similarity": 1.0}, ["real_copy"]),
    ],
)
def test_copies_and_leaks_have_their_own_thresholds(settings, rules):
    train, test = words(2, 12), words(102, 112)
    found = copies(words(1, 11), words(101, 111), train=[train], test=[test], **settings)
    assert [rule for rule, _ in found.values()] == rules


def test_a_text_that_holds_a_test_input_whole_is_a_leak():
    text = f"{words(100, 130)} {words(1, 8)} {words(200, 230)}"
    assert copies(text, test=[words(1, 8)])["s000000"][1]["similarity"] == 1.0


def test_no_test_rows_and_no_real_rows_mean_no_copies():
    assert copies(words(1, 9)) == {}


SCORES = {"s000000": [-0.1, -2.4], "s000001": [-2.4, -0.1], "s000002": [-0.6, -0.8]}  # all are "negative"


def verified(**verify):
    labels = {f"s{number:06d}": "negative" for number in range(3)}
    sieve = sieve_of("one", "two", "three")
    scores = {row_id: np.array(own) for row_id, own in SCORES.items()}
    apply_verification(sieve, config(verify=verify), NAMES, scores, labels)
    return sieve.verdicts, list(labels.values())


def test_rows_read_as_another_label_are_dropped():
    verdicts, labels = verified(action="drop")
    assert verdicts == {"s000001": ("wrong_label", {"read_as": "positive", "margin": 2.3})}
    assert labels == ["negative"] * 3


def test_rows_read_as_another_label_are_relabelled():
    assert verified(action="relabel") == ({}, ["negative", "positive", "negative"])


@pytest.mark.parametrize("action", ["drop", "relabel"])
def test_rows_that_win_by_less_than_the_margin_are_unsure(action):
    verdicts, _ = verified(action=action, min_margin=0.5)
    assert verdicts["s000002"] == ("unsure_label", {"read_as": "negative", "margin": 0.2})
    assert verified(action=action, min_margin=0.1)[0].get("s000002") is None


def test_a_margin_of_zero_takes_a_tie_for_the_first_label():
    sieve = sieve_of("one", "two", label="negative")
    scores = dict.fromkeys(["s000000", "s000001"], np.log([0.5, 0.5]))
    apply_verification(sieve, config(verify={"action": "drop", "min_margin": 0.0}), NAMES, scores, {})
    assert sieve.verdicts == {}


def test_the_margin_is_to_the_second_of_several_labels():
    sieve, labels = sieve_of("one", label="b"), {"s000000": "b"}
    scores = {"s000000": np.array([-3.0, -0.3, -1.3])}
    apply_verification(
        sieve, config(verify={"action": "drop", "min_margin": 1.1}), ["a", "b", "c"], scores, labels
    )
    assert sieve.verdicts == {"s000000": ("unsure_label", {"read_as": "b", "margin": 1.0})}
