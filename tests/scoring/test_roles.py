"""Which arm is the main one, and what is compared with what."""

from dataclasses import replace

import numpy as np
import pytest

from labelmint.scoring.roles import Roles
from tests.scoring.helpers import arm

ONE_ROW = np.zeros((1, 1), np.int64)
ROWS = {"real": 100, "real_300": 300, "synthetic": 500, "mixed": 600, "texts": 900, "all": 1300}


def roles(*names, **changed):
    """Return the roles of arms; `changed` are more of them."""
    given = [arm(name, ONE_ROW, ROWS.get(name.split(".")[0], 100)) for name in names]
    return Roles([*given, *changed.values()], "auto", 100)


def pairs(compared):
    return [(one.arm, other.arm) for one, other in compared.comparisons()]


def test_the_main_arm_is_the_one_with_all_real_and_the_most_made_rows():
    assert roles("real", "synthetic", "mixed", "texts", "all").main.arm == "all"
    assert roles("real", "synthetic", "mixed").main.arm == "mixed"
    assert roles("real_300", "synthetic").main.arm == "synthetic"  # none with all real rows
    assert roles("real", "llm").main.arm == "real"
    assert roles("llm", "tfidf").main.arm == "llm"
    more_real = replace(arm("mixed", ONE_ROW, 5000), arm="more_real", real=1000)
    other = replace(arm("mixed", ONE_ROW, 9000), arm="other", student="fine_tune")
    assert roles("mixed", more_real=more_real, other=other).main.arm == "mixed"


def test_chosen_weights_decide_among_arms_of_equal_rows_alone():
    weighted = replace(arm("all", ONE_ROW, 1300), arm="weighted", chosen_weights=True)
    assert roles("real", "all", weighted=weighted).main.arm == "weighted"
    fewer = replace(arm("all", ONE_ROW, 700), arm="fewer", chosen_weights=True)
    assert roles("real", "all", fewer=fewer).main.arm == "all"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["real"], []),
        (["mixed"], []),
        (["mixed", "real"], [("mixed", "real")]),
        (["real", "synthetic"], [("synthetic", "real")]),
        (["real_300", "mixed"], []),
        (["mixed", "real", "llm", "llm.more"], [("mixed", "real"), ("mixed", "llm"), ("mixed", "llm.more")]),
        (["real", "texts", "llm"], [("texts", "real"), ("texts", "llm")]),
    ],
)
def test_gains_are_of_the_arms_that_are_there(names, expected):
    assert pairs(roles(*names)) == expected


def test_the_main_arm_is_compared_with_each_of_its_sources():
    one = replace(arm("all", ONE_ROW, 1300), arm="all", synthetic=500, unlabelled=800)
    weighted = replace(one, arm="weighted", chosen_weights=True)
    smaller = replace(arm("mixed", ONE_ROW, 200), arm="smaller")
    compared = pairs(
        roles("real", "real_300", "synthetic", "mixed", "texts", one=one, weighted=weighted, smaller=smaller)
    )
    made = ["weighted", "synthetic", "mixed", "texts", "all", "smaller"]
    assert compared[:6] == [(name, "real") for name in made]
    assert compared[6:] == [("weighted", name) for name in ("synthetic", "mixed", "texts", "all")]


def test_a_source_is_shown_by_the_arm_with_the_most_of_its_rows():
    compared = roles("real", "synthetic", "mixed", "mixed.small", "texts", "all").sources()
    assert {name: each.arm for name, each in compared.items()} == {
        "synthetic": "mixed",
        "unlabelled": "texts",
        "both": "all",
    }
    assert roles("real", "synthetic").sources() == {}


def test_the_names_of_arms_say_nothing():
    swapped = {"mixed": "real", "real": "mixed"}
    given = [replace(arm(name, ONE_ROW, ROWS[name]), arm=new) for name, new in swapped.items()]
    compared = Roles(given, "auto", 100)
    assert (compared.main.arm, pairs(compared)) == ("real", [("real", "mixed")])
    assert compared.counterpart(compared.main).arm == "mixed"


def test_of_each_language_model_student_the_first_arm_shows_what_it_answers():
    first = replace(arm("llm", ONE_ROW, 100), arm="first")
    later = replace(first, arm="later", train_rows=300, real=300)
    probe = replace(first, arm="probe", student="llm_probe")
    assert [each.arm for each in roles("mixed", first=first, later=later, probe=probe).language_models()] == [
        "probe",
        "first",
    ]
    assert Roles([first], "llm", 100).language_models() == []
