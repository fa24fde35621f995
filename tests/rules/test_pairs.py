"""The rules on pairs of texts; by default a candidate's second text was written to a real row's first one."""

import numpy as np
import pytest

from labelmint.encoder.vectors import Vectors
from labelmint.rules.apply import filter_candidates
from labelmint.rules.filtering import Filtering
from labelmint.rules.measures import similar_pairs
from labelmint.tasks.task import Task
from tests.builders import candidate, card, labelled
from tests.rules.helpers import settings

PREMISES = [
    "a man plays the guitar on a small stage in town",
    "two dogs run along a beach in the evening sun",
]
CLAIMS = ["nobody is making any music at all here", "some animals are outside near the water"]
ODD = "so so so so so"
REAL = [
    {**labelled(label, at, first), "text_pair": second}
    for at, (label, first, second) in enumerate(
        [
            ("negative", PREMISES[0], CLAIMS[0]),
            ("positive", PREMISES[1], CLAIMS[1]),
            ("negative", ODD, "that is an odd thing to say"),
        ]
    )
]
DOZING = "the man is asleep in his bed"
OUTSIDE = "a person is doing something in public"


def words(count):
    return " ".join(f"w{at}" for at in range(count))


def rejected(texts, test=(), **changes):
    """Filter pairs, written with the first real row in the prompt; return rule and evidence by number."""
    labels = ("negative", "positive")
    rows = [
        candidate(at, first, labels[at % 2], text_pair=second, demonstration_ids=["r000000"])
        for at, (first, second) in enumerate(texts)
    ]
    rows += [candidate(90, "w x y z", "negative", text_pair="d e f g h")]
    rows += [candidate(91, "z y x w", "positive", text_pair="k l m n o")]
    the_card = card(pair_name="claim", source=None)
    result = filter_candidates(Filtering(Task(settings(**changes), the_card, REAL, test), rows, {})).rejected
    return {int(row["id"][1:]): (row["rule"], row["evidence"]) for row in result if row["rule"] != "surplus"}


@pytest.mark.parametrize(
    ("texts", "rules"),
    [
        # The same real first text: only the second texts are compared.
        ([(PREMISES[0], "a man makes music"), (PREMISES[0], "the stage is on fire tonight")], {}),
        (
            [(PREMISES[0], "he makes music for a few"), (PREMISES[0], "He makes music, for a few!")],
            {1: "exact_duplicate"},
        ),
        (
            [(PREMISES[0], "he makes music for a few"), (PREMISES[0], "well, he makes music for a few")],
            {1: "near_duplicate"},
        ),
        # Another first text: another pair.
        ([(PREMISES[0], "somebody is out of doors"), (PREMISES[1], "somebody is out of doors")], {}),
        (
            [(PREMISES[0], "nobody is making any music at all"), (PREMISES[1], CLAIMS[1])],
            {0: "demonstration_copy", 1: "real_copy"},
        ),
        # A first text that was written obeys the rules of form, a given one needn't.
        ([("a first text <b>with</b> tags", "and a second one without")], {0: "markup"}),
        ([("so it goes so it goes so it goes", "and a third one without")], {0: "repetitive"}),
        ([(PREMISES[0], "too short")], {0: "too_short"}),
        ([("too short", "and a fourth one without")], {0: "too_short"}),
        ([(words(21), "and a fifth one without")], {0: "too_long"}),
        ([(ODD, "it is rather odd")], {}),
        # One of the texts is missing.
        ([("", "and a second one")], {0: "empty"}),
        ([("and a first one", "...")], {0: "empty"}),
    ],
)
def test_pairs_break_these_rules(texts, rules):
    assert {number: rule for number, (rule, _) in rejected(texts).items()} == rules


def test_a_duplicate_shows_both_texts():
    texts = [(PREMISES[0], "he makes music for a few"), (PREMISES[0], "well, he makes music for a few")]
    assert rejected(texts)[1][1]["duplicate_of_text"] == f"{PREMISES[0]} / he makes music for a few"


@pytest.mark.parametrize("first", [PREMISES[0], PREMISES[0].upper() + " .", "a woman reads a book"])
def test_a_pasted_test_pair_is_caught(first):
    test = [{"id": "t1", "text": first, "text_pair": OUTSIDE}]
    rule, evidence = rejected([(first, "a person is doing something in the public")], test)[0]
    assert (rule, evidence["test"]) == ("test_leak", "t1")


def test_a_test_pair_with_the_same_real_first_text_and_another_second_one_is_no_leak():
    test = [{"id": "t1", "text": PREMISES[0], "text_pair": DOZING}]
    assert not rejected([(PREMISES[0], "a man makes music")], test)


def test_each_text_of_a_pair_has_the_usual_length_of_its_place():
    # Real second texts have up to 8 words, first ones up to 11.
    assert rejected([(PREMISES[0], words(17))], max_words=0)[0] == ("too_long", {"words": 17})
    assert not rejected([(words(19), "that is an odd thing")], max_words=0)


def test_pairs_are_not_compared_by_their_meaning():
    pairs = [candidate(at, "a premise of some words", text_pair=f"claim {at}") for at in range(2)]
    same = Vectors(lambda rows: np.ones((len(rows), 1), np.float32), pairs)
    assert list(similar_pairs("meaning", pairs, pairs, 0.9, set(), same)) == []
    single = [candidate(at, f"text {at}") for at in range(2)]
    same = Vectors(lambda rows: np.ones((len(rows), 1), np.float32), single)
    assert list(similar_pairs("meaning", single, single, 0.9, set(), same)) == [(1, 0, 1.0)]
