import pytest

from labelmint.report.read import read_inputs
from labelmint.report.verdict import verdict
from tests.report.helpers import arm, evaluation, write_data, write_evaluation


@pytest.fixture
def said(run):
    """Return a function that gives the verdict on an evaluation with changes."""

    def of(**changes):
        write_data()
        write_evaluation(**changes)
        return verdict(read_inputs())

    return of


def test_the_headline_is_the_worth_with_its_interval(said):
    found = said()
    assert found["headline"] == "Your synthetic data is worth 15 real labels"
    assert found["interval"] == "95 % interval 4 to 30"
    assert found["sentences"][0] == "With it, your 20 real labels score like 35 (24 to 50)."
    assert found["sentences"][1].startswith(
        "200 synthetic rows beside the real ones take accuracy from 70.0\xa0%"
    )
    assert "+6.0 points (+2.0 to +10.0, p = 0.0005, Holm 0.0015)" in found["sentences"][1]


def test_what_beats_it_is_named_other_students_first(said):
    beaten = said()["sentences"][2]
    assert beaten.index("llm 85.0") < beaten.index("real_50 81.0") < beaten.index("synthetic 77.0")
    assert "majority" not in beaten


def test_nothing_beats_it(said):
    arms = {name: arm for name, arm in evaluation()["arms"].items() if name in ("real", "mixed")}
    assert said(arms=arms)["sentences"][-1] == "Nothing else that was measured scores higher."


@pytest.mark.parametrize(
    ("rows", "note", "worth"),
    [
        (50, "at least 50: the real curve ends there", "is worth at least 30 real labels"),
        (20, "at most 20: the real curve begins there", "is worth 0 real labels"),
    ],
)
def test_beyond_the_curve_the_worth_is_a_bound(said, rows, note, worth):
    entry = {"rows": rows, "ci_low": 20, "ci_high": 50, "note": note}
    found = said(label_equivalence={"mixed": entry})
    assert found["headline"].endswith(worth)
    assert f"Label equivalence of mixed: {note}." in found["caveats"]


def test_an_interval_with_zero_and_harm_are_said(said):
    pair = {"one": "mixed", "other": "real", "p_adjusted": 0.4}
    gain = {**pair, "accuracy": 0.01, "ci_low": -0.02, "ci_high": 0.04, "p_value": 0.4}
    assert "may be chance" in said(gain={"mixed_vs_real": gain})["sentences"][1]
    harm = {**pair, "accuracy": -0.05, "ci_low": -0.09, "ci_high": -0.01, "p_value": 0.01}
    assert "lower accuracy" in said(gain={"mixed_vs_real": harm})["sentences"][1]


def test_caveats_are_of_this_run(said):
    caveats = " ".join(said()["caveats"])
    for text in (
        "Only 40 test rows",
        "off by 15.0",
        "mixed against synthetic",
        "82.0",
        "positive lacks 5 rows",
    ):
        assert text in caveats
    assert (
        "mixed_300 is left out: it needs 300 rows."
        in said(left_out={"mixed_300": "it needs 300 rows"})["caveats"]
    )


def test_a_run_without_real_rows_without_a_curve_or_with_one_arm_has_a_headline(said):
    arms = evaluation()["arms"]
    worth = {"synthetic": {"rows": 35, "ci_low": 24, "ci_high": 50, "note": ""}}
    alone = said(
        arms={"synthetic": arms["synthetic"]}, main_arm="synthetic", label_equivalence=worth, gain={}
    )
    assert alone["headline"] == "Your synthetic data is worth 35 real labels"
    assert said(label_equivalence={})["headline"] == "The synthetic data changes accuracy by +6.0 points"
    found = said(arms={"real": arms["real"]}, main_arm="real", label_equivalence={}, gain={})
    assert found["headline"] == "real scores 70.0\xa0%"


def test_an_unscored_run_says_so(said, run):
    found = said(
        test_rows=0,
        note="no test labels: nothing could be scored",
        arms={"synthetic": {**arm("synthetic", 0, 9, 0.5), "accuracy": {}}},
        main_arm="synthetic",
        gain={},
    )
    assert found["headline"] == "Nothing could be scored"
    assert found["interval"] == "no test labels: nothing could be scored"
    (run / "metrics/evaluate.json").unlink()
    assert verdict(read_inputs())["headline"] == "There is no evaluation yet"


def test_a_difference_that_is_sure_alone_may_not_be_so_among_many(said):
    gain = {"accuracy": 0.05, "ci_low": 0.01, "ci_high": 0.09, "p_value": 0.02, "p_adjusted": 0.08}
    gain |= {"one": "mixed", "other": "real"}
    other = {
        "one": "mixed",
        "other": "synthetic",
        "accuracy": 0.01,
        "ci_low": -0.01,
        "ci_high": 0.03,
        "p_value": 0.4,
        "p_adjusted": 0.8,
    }
    caveats = said(gain={"mixed_vs_real": gain, "mixed_vs_synthetic": other})["caveats"]
    assert "No significant difference on this test set: mixed against synthetic." in caveats
    assert "Significant by itself, but not as one of 2 comparisons (Holm): mixed against real." in caveats
