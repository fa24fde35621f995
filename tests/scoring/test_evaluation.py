import json
from dataclasses import replace

import numpy as np
import pytest

from labelmint.core.records import write_json
from labelmint.scoring.evaluation import evaluate
from labelmint.scoring.roles import Roles
from tests.scoring.helpers import NAMES, arm, config, wrong_at

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


def compared(*given, truth=TRUTH, names=LABELS, metric="accuracy"):
    return evaluate(Roles(given, "auto", 100), truth, names, config(), metric)


@pytest.fixture(scope="module")
def full():
    """Return a comparison of all six arms."""
    shares = {"real_300": 0.7, "real": 0.6, "synthetic": 0.65, "mixed": 0.72}
    return compared(*arms(**shares, real_3000=0.8, real_1000=0.75))


def test_the_keys_are_those_that_dvc_compares(full):
    assert list(full) == [
        *("test_rows", "note", "metric", "main_arm", "counterpart", "arms", "gain", "label_equivalence")
    ]
    assert (full["test_rows"], full["note"], full["metric"]) == (300, "", "accuracy")
    rows = {name: entry["train_rows"] for name, entry in full["arms"].items()}
    assert rows == {
        **{"real_300": 300, "real": 100, "synthetic": 2000, "mixed": 2100},
        **{"real_3000": 3000, "real_1000": 1000},
    }
    training = {
        *("kind", "train_rows", "real", "synthetic", "unlabelled", "student", "main_student", "texts_per_s")
    }
    for name, entry in full["arms"].items():
        calibration = {"calibration_error", "calibration_by_chance"}
        against = {"against_main"} if name != "mixed" else set()
        assert set(entry) == {*training, "accuracy", "macro_f1", "labels", *calibration, *against}
        assert set(entry["accuracy"]) == set(entry["macro_f1"]) == SCORE
        assert set(entry["labels"]) == set(LABELS)
    for entry in full["gain"].values():
        assert set(entry) == {"one", "other", "accuracy", "ci_low", "ci_high", "p_value", "p_adjusted"}
    for entry in full["label_equivalence"].values():
        assert set(entry) == {"rows", "ci_low", "ci_high", "note"}


def test_scores_are_means_over_the_seeds_with_their_unbiased_sd():
    truth = np.zeros(100, np.int64)
    given = arm("real", wrong_at(truth, range(10), range(20), range(30)))
    accuracy = compared(given, truth=truth)["arms"]["real"]["accuracy"]
    assert (accuracy["mean"], accuracy["sd"]) == (0.8, 0.1)
    assert accuracy["ci_low"] < 0.72
    assert accuracy["ci_high"] > 0.88


def test_one_seed_has_no_sd():
    result = compared(arm("real", right(0.7, seeds=1)))
    accuracy = result["arms"]["real"]["accuracy"]
    assert accuracy["sd"] == 0
    assert result["note"].startswith("real: trained with one seed")
    assert accuracy["ci_low"] < accuracy["mean"] < accuracy["ci_high"]


def test_every_arm_is_paired_with_the_main_arm_and_only_gains_are_tested(full):
    against, gain = full["arms"]["synthetic"]["against_main"], full["gain"]["mixed_vs_synthetic"]
    assert against == {
        **{"accuracy": -gain["accuracy"], "ci_low": -gain["ci_high"], "ci_high": -gain["ci_low"]}
    }
    assert full["arms"]["real_3000"]["against_main"]["accuracy"] > 0
    assert len(full["gain"]) == 3


def test_a_label_without_test_rows_is_noted():
    truth = np.arange(60) % 2
    given = arm("real", wrong_at(truth, range(9), range(9), labels=3), labels=3)
    note = compared(given, truth=truth, names=NAMES)["note"]
    assert note == "no test row is labelled neutral: the scores tell nothing of that"


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_a_gain_is_the_difference_of_the_means_of_the_metric(metric):
    result = compared(*arms(real=0.6, mixed=0.7, real_300=0.65), metric=metric)
    means = {name: entry[metric]["mean"] for name, entry in result["arms"].items()}
    gain = result["gain"]["mixed_vs_real"]
    assert gain[metric] == pytest.approx(means["mixed"] - means["real"], abs=1.5e-4)
    assert gain["ci_low"] < gain[metric] < gain["ci_high"]


def test_where_one_label_is_common_macro_f1_tells_apart_what_accuracy_does_not():
    truth = (np.arange(300) % 10 == 0).astype(np.int64)
    common = arm("real", np.zeros((1, 300), np.int64))
    rare = arm("mixed", wrong_at(truth, range(30)), 2100)  # finds most rows of the rare label
    curve = arm("real_300", wrong_at(truth, range(28)), 300)
    by_accuracy, by_f1 = (
        compared(common, rare, curve, truth=truth, metric=metric) for metric in ("accuracy", "macro_f1")
    )
    assert by_accuracy["gain"]["mixed_vs_real"]["accuracy"] == 0
    assert by_f1["gain"]["mixed_vs_real"]["ci_low"] > 0.2
    assert by_accuracy["label_equivalence"]["mixed"]["rows"] == 100
    assert by_f1["label_equivalence"]["mixed"]["rows"] > 200
    assert by_accuracy["label_equivalence"]["mixed"]["ci_low"] == 100
    assert by_f1["label_equivalence"]["mixed"]["ci_low"] > 200


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
    result = compared(*arms(**dict.fromkeys(names, 0.7)))
    assert list(result["label_equivalence"]) == equivalences


def test_the_curve_is_that_of_the_real_arms_by_their_rows_in_any_order():
    wrong = {"real_1000": 75, "mixed": 105, "real_300": 90, "real": 120}
    rows = {"real": 100, "mixed": 2100, "real_300": 300, "real_1000": 1000}
    given = [arm(name, wrong_at(TRUTH, range(count)), rows[name]) for name, count in wrong.items()]
    result = compared(*given)["label_equivalence"]["mixed"]
    assert result["rows"] == 173  # halfway between 100 and 300, in their logarithm
    assert result["ci_low"] < result["rows"] < result["ci_high"]


def test_a_student_is_measured_on_its_own_curve():
    heads = [
        replace(arm(f"real_{n}", right(share), n), arm=f"head_{n}", student="head")
        for n, share in ((100, 0.5), (900, 0.6))
    ]
    mixed = replace(arm("mixed", right(0.58), 300), arm="head_mixed", student="head")
    llm = arm("llm", right(0.9))
    result = compared(*arms(real=0.8, real_300=0.9), *heads, mixed, llm)["label_equivalence"]
    assert list(result) == ["head_mixed"]  # not the llm, which was trained on no made rows
    assert 100 < result["head_mixed"]["rows"] < 900


def test_arms_may_have_different_numbers_of_seeds():
    given = arms(real=0.6, mixed=0.7)
    short = [replace(each, probabilities=each.probabilities[:2]) for each in given]
    both = compared(short[0], given[1])
    assert both["arms"]["mixed"] == compared(*given)["arms"]["mixed"]
    assert both["arms"]["real"]["accuracy"] == compared(*short)["arms"]["real"]["accuracy"]


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
    sizes = {"real": 10, "real_300": 300, "mixed": 90}
    given = [arm(name, predicted, rows, len(names)) for name, rows in sizes.items()]
    for metric in ("accuracy", "macro_f1"):
        result = compared(*given, truth=truth, names=names, metric=metric)
        write_json(tmp_path / "evaluate.json", result)  # raises at NaN
        assert json.loads((tmp_path / "evaluate.json").read_text(encoding="utf-8")) == result
