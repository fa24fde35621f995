import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from labelmint.core.records import write_json
from labelmint.scoring.compare import compare
from labelmint.scoring.roles import Roles
from labelmint.scoring.tables import write_confusion, write_learning_curve, write_reliability
from tests.scoring.helpers import NAMES, arm, config, simulated, wrong_at

SCORE = {"mean", "sd", "ci_low", "ci_high"}
TRUTH = np.random.default_rng(0).integers(0, 2, 300)
LABELS = NAMES[:2]


def right(share, seeds=3, number=0):
    """Return predictions of which about that share is right."""
    draw = np.random.default_rng(number)
    return np.where(draw.random((seeds, len(TRUTH))) < share, TRUTH, 1 - TRUTH)


def arms(**shares):
    """Return arms by their share of right answers; real_<n> has n training rows."""
    sizes = {"real": 100, "synthetic": 2000, "mixed": 2100}
    return [
        arm(name, right(share, number=at), sizes.get(name) or int(name.split("_")[1]))
        for at, (name, share) in enumerate(shares.items())
    ]


def compared(*given, truth=TRUTH, names=LABELS):
    return compare(Roles(given, "auto", 100), truth, names, config())


@pytest.fixture(scope="module")
def full():
    """Return a comparison of all six arms."""
    shares = {
        "real_300": 0.7,
        "real": 0.6,
        "synthetic": 0.65,
        "mixed": 0.72,
        "real_3000": 0.8,
        "real_1000": 0.75,
    }
    return compared(*arms(**shares))


def test_the_keys_are_those_that_dvc_compares(full):
    assert set(full) == {
        "test_rows",
        "note",
        "main_arm",
        "counterpart",
        "arms",
        "gain",
        "label_equivalence",
    }
    assert (full["test_rows"], full["note"]) == (300, "")
    assert (full["main_arm"], full["counterpart"]) == ("mixed", "real")
    assert list(full["arms"]) == ["real_300", "real", "synthetic", "mixed", "real_3000", "real_1000"]
    for entry in full["arms"].values():
        scores = {"accuracy", "macro_f1", "calibration_error", "labels"}
        assert set(entry) == {"train_rows", "real", "synthetic", "student", "main_student", *scores}
        assert set(entry["accuracy"]) == set(entry["macro_f1"]) == SCORE
        assert set(entry["labels"]) == set(LABELS)
    assert set(full["gain"]) == {"mixed_vs_real", "synthetic_vs_real", "mixed_vs_synthetic"}
    for entry in full["gain"].values():
        assert set(entry) == {"one", "other", "accuracy", "ci_low", "ci_high", "p_value", "p_adjusted"}
    assert set(full["label_equivalence"]) == {"synthetic", "mixed"}
    for entry in full["label_equivalence"].values():
        assert set(entry) == {"rows", "ci_low", "ci_high", "note"}


def test_training_rows_are_the_arms_own(full):
    rows = {name: entry["train_rows"] for name, entry in full["arms"].items()}
    assert rows == {
        "real_300": 300,
        "real": 100,
        "synthetic": 2000,
        "mixed": 2100,
        "real_3000": 3000,
        "real_1000": 1000,
    }


def test_scores_are_means_over_the_seeds_with_their_unbiased_sd():
    truth = np.zeros(100, np.int64)
    found = compared(arm("real", wrong_at(truth, range(10), range(20), range(30))), truth=truth)
    accuracy = found["arms"]["real"]["accuracy"]
    assert (accuracy["mean"], accuracy["sd"]) == (0.8, 0.1)
    assert accuracy["ci_low"] < 0.72
    assert accuracy["ci_high"] > 0.88


def test_one_seed_has_no_sd():
    accuracy = compared(arm("real", right(0.7, seeds=1)))["arms"]["real"]["accuracy"]
    assert accuracy["sd"] == 0
    assert compared(arm("real", right(0.7, seeds=1)))["note"].startswith("real: trained with one seed")
    assert accuracy["ci_low"] < accuracy["mean"] < accuracy["ci_high"]


def test_intervals_surround_the_mean(full):
    for entry in full["arms"].values():
        for key in ("accuracy", "macro_f1"):
            assert entry[key]["ci_low"] < entry[key]["mean"] < entry[key]["ci_high"]
    for entry in full["gain"].values():
        assert entry["ci_low"] < entry["accuracy"] < entry["ci_high"]


def test_a_gain_is_the_difference_of_the_means(full):
    accuracy = {name: entry["accuracy"]["mean"] for name, entry in full["arms"].items()}
    for entry in full["gain"].values():
        one, other = entry["one"], entry["other"]
        assert entry["accuracy"] == pytest.approx(accuracy[one] - accuracy[other], abs=1.5e-4)


def test_a_clear_gain_is_one_and_none_is_none():
    found = compared(*arms(real=0.5, mixed=0.9))["gain"]["mixed_vs_real"]
    assert found["ci_low"] > 0.2
    assert found["p_value"] < 0.01
    same = right(0.7)
    found = compared(arm("real", same), arm("mixed", same))["gain"]["mixed_vs_real"]
    assert found["accuracy"] == 0
    # Both 0 where the seeds differ no more than their rows do.
    assert found["ci_low"] <= 0 <= found["ci_high"]
    assert found["p_value"] > 0.2


def test_a_loss_is_a_negative_gain():
    found = compared(*arms(real=0.9, mixed=0.5))["gain"]["mixed_vs_real"]
    assert found["ci_high"] < -0.2
    assert found["p_value"] < 0.01


@pytest.mark.parametrize(
    ("names", "gains"),
    [
        (["real"], []),
        (["mixed"], []),
        (["mixed", "real"], ["mixed_vs_real"]),
        (["real", "synthetic"], ["synthetic_vs_real"]),
        (["real_300", "mixed"], []),
    ],
)
def test_gains_are_of_the_arms_that_are_there(names, gains):
    assert list(compared(*arms(**dict.fromkeys(names, 0.7)))["gain"]) == gains


@pytest.mark.parametrize(
    ("names", "equivalences"),
    [
        (["real", "mixed"], []),  # one point is no curve
        (["real", "real_300"], []),
        (["real", "real_300", "mixed"], ["mixed"]),
        (["real_300", "synthetic", "real_1000"], ["synthetic"]),
    ],
)
def test_label_equivalence_needs_two_real_arms(names, equivalences):
    found = compared(*arms(**dict.fromkeys(names, 0.7)))
    assert list(found["label_equivalence"]) == equivalences


def test_label_equivalence_lies_between_the_real_arms_around_the_score(full):
    found = full["label_equivalence"]["mixed"]
    assert 100 < found["rows"] < 3000
    assert found["ci_low"] < found["rows"] < found["ci_high"]
    assert full["label_equivalence"]["synthetic"]["rows"] < found["rows"]


def test_the_curve_is_that_of_the_real_arms_by_their_rows_in_any_order():
    wrong = {"real_1000": 75, "mixed": 105, "real_300": 90, "real": 120}
    rows = {"real": 100, "mixed": 2100, "real_300": 300, "real_1000": 1000}
    given = [arm(name, wrong_at(TRUTH, range(count)), rows[name]) for name, count in wrong.items()]
    found = compared(*given)["label_equivalence"]["mixed"]
    assert found["rows"] == 173  # halfway between 100 and 300, in their logarithm


def test_an_arm_better_than_the_curve_is_worth_at_least_its_end():
    found = compared(*arms(real=0.5, real_300=0.6, mixed=0.95))["label_equivalence"]["mixed"]
    assert (found["rows"], found["ci_low"], found["ci_high"]) == (300, 300, 300)
    assert found["note"] == "at least 300: the real curve ends there"


def test_an_arm_worse_than_the_curve_is_worth_at_most_its_beginning():
    found = compared(*arms(real=0.8, real_300=0.9, mixed=0.5))["label_equivalence"]["mixed"]
    assert found["rows"] == 100
    assert found["note"].startswith("at most 100: the real curve begins there")


def test_arms_may_have_different_numbers_of_seeds():
    given = arms(real=0.6, mixed=0.7, real_300=0.65)
    short = [replace(own, probabilities=own.probabilities[:2]) for own in given]
    mixed = compared(short[0], given[1], short[2])
    assert mixed["arms"]["mixed"] == compared(*given)["arms"]["mixed"]
    assert mixed["arms"]["real"] == compared(*short)["arms"]["real"]
    assert mixed["gain"]["mixed_vs_real"]["accuracy"] == pytest.approx(
        mixed["arms"]["mixed"]["accuracy"]["mean"] - mixed["arms"]["real"]["accuracy"]["mean"], abs=1e-4
    )


def test_other_students_of_the_real_rows_are_compared_with_the_main_arm():
    llm, majority = arm("llm", wrong_at(TRUTH, range(30))), arm("majority", np.zeros((1, 300), np.int64))
    given = arms(real=0.6, real_300=0.95, mixed=0.7, synthetic=0.65)
    found = compared(*given, llm, majority)
    assert found["arms"]["llm"]["accuracy"]["mean"] == 0.9
    assert not found["arms"]["llm"]["main_student"]
    assert {"mixed_vs_llm", "mixed_vs_majority"} < set(found["gain"])
    assert found["gain"]["mixed_vs_llm"]["ci_high"] < 0
    assert set(found["label_equivalence"]) == {"mixed", "synthetic", "llm", "majority"}
    alone = compared(*given)["arms"]
    assert {name: found["arms"][name] for name in alone} == alone


def test_points_of_the_curve_in_synthetic_rows_are_compared_with_the_real_rows():
    found = compared(*arms(real=0.6, real_300=0.9, mixed=0.7, mixed_40=0.65, synthetic_40=0.62))
    assert list(found["gain"]) == ["mixed_vs_real", "mixed_40_vs_real", "synthetic_40_vs_real"]
    assert set(found["label_equivalence"]) == {"mixed", "mixed_40", "synthetic_40"}


def test_p_values_are_adjusted_for_there_being_several(full):
    gains = sorted(full["gain"].values(), key=lambda gain: gain["p_value"])
    highest = 0.0
    for at, gain in enumerate(gains):  # Holm (1979)
        highest = max(highest, min(1, (len(gains) - at) * gain["p_value"]))
        assert gain["p_adjusted"] == pytest.approx(highest, abs=1e-5)


def test_the_same_predictions_give_the_same_numbers():
    given = arms(real=0.6, mixed=0.7, real_300=0.65)
    assert compared(*given) == compared(*given)
    assert compare(Roles(given, "auto", 100), TRUTH, LABELS, config(seed=2)) != compared(*given)


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("kind", ["all right", "all wrong", "one label", "one row", "absent label"])
def test_no_number_is_nan(tmp_path, kind, seeds):
    truth = np.array([0]) if kind == "one row" else np.arange(60) % 2
    predicted = np.tile(truth, (seeds, 1))
    if kind == "all wrong":
        predicted = 1 - predicted
    elif kind == "one label":
        predicted = np.ones_like(predicted)
    names = NAMES if kind == "absent label" else LABELS
    given = [
        arm(name, predicted, rows, len(names))
        for name, rows in [("real", 10), ("real_300", 300), ("mixed", 90)]
    ]
    result = compared(*given, truth=truth, names=names)
    write_json(tmp_path / "evaluate.json", result)  # raises at NaN
    assert json.loads((tmp_path / "evaluate.json").read_text(encoding="utf-8")) == result


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_the_confusion_table_has_a_line_per_test_row_of_the_first_seed(tmp_path):
    truth, quoted = np.array([0, 1, 2, 1]), 'a "quoted", name'
    first_seed, second_seed = range(1), range(4)
    own = arm("mixed", wrong_at(truth, first_seed, second_seed, labels=3), labels=3)
    write_confusion(tmp_path / "plots/c.csv", own, truth, [quoted, "b", "c"])
    assert read(tmp_path / "plots/c.csv") == [
        ["label", "predicted"],
        [quoted, "b"],
        ["b", "b"],
        ["c", "c"],
        ["b", "b"],
    ]


def test_the_learning_curve_has_the_arms_by_kind_and_rows(tmp_path, full):
    write_learning_curve(tmp_path / "curve.csv", full["arms"])
    header, *lines = read(tmp_path / "curve.csv")
    assert header == ["kind", "rows", "accuracy", "ci_low", "ci_high"]
    real = [("real", "100"), ("real", "300"), ("real", "1000"), ("real", "3000")]
    assert [(line[0], line[1]) for line in lines] == [*real, ("mixed", "2100"), ("synthetic", "2000")]
    score = full["arms"]["real_300"]["accuracy"]
    assert [float(value) for value in lines[1][2:]] == [score["mean"], score["ci_low"], score["ci_high"]]


def test_the_reliability_table_has_the_bins_that_hold_answers(tmp_path):
    truth = np.zeros(10, np.int64)
    own = arm("mixed", wrong_at(truth, range(4), range(2)))
    write_reliability(tmp_path / "reliability.csv", [own], truth)
    header, *lines = read(tmp_path / "reliability.csv")
    assert header == ["arm", "bin", "confidence", "accuracy", "rows"]
    assert lines == [["mixed", "12", "0.8", "0.7", "20"]]


def test_simulated_arms_keep_their_order():
    draw = np.random.default_rng(0)
    easiness = draw.normal(0, 1, len(TRUTH))
    given = [
        arm(name, simulated(draw, TRUTH, easiness + lift, 3), rows)
        for name, lift, rows in [("real", -0.5, 100), ("mixed", 0.0, 900), ("real_300", 0.6, 300)]
    ]
    found = compared(*given)
    means = [found["arms"][name]["accuracy"]["mean"] for name in ("real", "mixed", "real_300")]
    assert means == sorted(means)
    assert found["gain"]["mixed_vs_real"]["ci_low"] > 0


def renamed(names):
    """Return the arms of a run under other names: what they are must not hang on these."""
    return {
        new: replace(one, arm=new)
        for new, one in zip(names, arms(real=0.6, real_300=0.65, mixed=0.8, synthetic=0.7), strict=True)
    }


def test_the_arms_names_say_nothing():
    given = renamed(["mixed", "synthetic_3", "hundred", "real"])
    found = compared(*given.values())
    assert (found["main_arm"], found["counterpart"]) == ("hundred", "mixed")
    pairs = [(gain["one"], gain["other"]) for gain in found["gain"].values()]
    assert pairs == [("hundred", "mixed"), ("real", "mixed"), ("hundred", "real")]
    assert set(found["label_equivalence"]) == {"hundred", "real"}


def test_the_main_arm_has_the_users_real_rows_and_the_most_synthetic_ones():
    users = [arm("mixed", right(0.7), 2100), arm("mixed_40", right(0.9), 140)]
    more_real = replace(arm("mixed_1000", right(0.9), 5000), real=1000)
    other_student = replace(arm("mixed_9", right(0.9), 9000), student="fine_tune")
    roles = Roles([more_real, other_student, *users], "auto", 100)
    assert roles.main.arm == "mixed"
    assert roles.counterpart(roles.main) is None


def test_a_student_with_a_curve_of_its_own_is_measured_on_it():
    heads = [
        replace(arm(f"real_{n}", right(share), n), arm=f"head_{n}", student="head")
        for n, share in ((100, 0.5), (900, 0.6))
    ]
    mixed = replace(arm("mixed", right(0.58), 300), arm="head_mixed", student="head")
    found = compared(*arms(real=0.8, real_300=0.9), *heads, mixed)["label_equivalence"]
    assert list(found) == ["head_mixed"]
    assert 100 < found["head_mixed"]["rows"] < 900
