import json
import re

import pytest

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.params import load_params
from labelmint.core.records import read_json, write_json
from labelmint.report.read import read_inputs
from labelmint.report.verdict import print_verdict, verdict
from stages.report import main as report
from tests.builders import write_card
from tests.report.helpers import arm, evaluation, speed, write_data, write_evaluation


@pytest.fixture
def answer(run):
    """Return a function that gives the verdict on an evaluation with changes."""

    def of(**changes):
        write_data()
        write_evaluation(**changes)
        return verdict(read_inputs())

    return of


def test_the_headline_is_the_worth_with_its_interval(answer):
    result = answer()
    assert result["headline"] == "Your synthetic rows are worth about 15 real labels"
    assert result["interval"] == "95 % interval 4 to 30 or more"
    like, gain, by_source, *_ = result["sentences"]
    assert like == "With them, your 20 real labels score like about 35 (24 to 50 or more)."
    assert gain.startswith("200 synthetic rows beside the real rows take accuracy from 70.0\xa0%")
    assert "+6.0 points (+2.0 to +10.0, p = 0.0005, Holm 0.0015)" in gain
    assert by_source == (
        "By source: synthetic rows +6.0 points in 10\xa0min 0\xa0s; "
        "machine-labelled texts +6.0 points in 2\xa0min 0\xa0s."
    )


def test_one_source_alone_is_not_told_twice(answer):
    one = {"synthetic": evaluation()["sources"]["synthetic"]}
    assert not any("By source" in text for text in answer(sources=one)["sentences"])


def test_the_gain_is_that_over_the_counterpart_wherever_it_stands(answer):
    turned = dict(reversed(evaluation()["gain"].items()))
    assert answer(gain=turned)["sentences"][1] == answer()["sentences"][1]


def test_rows_of_all_sources_are_named(answer):
    arms = evaluation()["arms"]
    arms["mixed"] = arm("mixed", 20, 200, 90, 0.76)
    result = answer(arms=arms)
    assert result["headline"].startswith("Your synthetic rows and labelled texts are worth about 15")
    assert result["sentences"][1].startswith("200 synthetic rows and 90 machine-labelled texts beside")


def test_the_strongest_alternative_is_named_and_that_its_lead_may_be_chance(answer):
    assert answer()["sentences"][3] == (
        "The best of 4 other arms as fast with the same labels is synthetic: 77.0\xa0%, +1.0 points against "
        "mixed (\N{MINUS SIGN}1.0 to +7.0), which may be chance; "
        "being the best of several on these test rows flatters it."
    )
    arms = evaluation()["arms"]
    arms["synthetic"]["against_main"] = {"accuracy": 0.01, "ci_low": 0.002, "ci_high": 0.02}
    only = {**evaluation()["alternative"], "of": 1}
    assert answer(arms=arms, alternative=only)["sentences"][3] == (
        "The only other arm as fast with the same labels is synthetic: 77.0\xa0%, +1.0 points against "
        "mixed (+0.2 to +2.0)."
    )
    arms["synthetic"]["against_main"] = {"accuracy": -0.05, "ci_low": -0.09, "ci_high": -0.01}
    assert "may be chance" not in answer(arms=arms)["sentences"][3]
    assert "Nothing else that was measured is as fast" in answer(alternative={})["sentences"][3]


def test_the_advice_compares_the_language_model_in_score_and_speed(answer):
    assert answer()["sentences"][-1] == (
        "Asked directly (llm), the language model is right on 85.0\xa0% at 17 texts/s; distilled (mixed): "
        "76.0\xa0% at 340. A million texts take 16\xa0h 20\xa0min, or 49\xa0min 1\xa0s."
    )
    probe = {**speed("llm", frontier=False), "student": "llm_probe", "arm": "real", "mean": 0.7}
    assert answer(speeds=[speed("llm", frontier=True), probe])["sentences"][-1].startswith(
        "Asked directly (llm), the language model is right on 85.0"
    )
    slower = {**speed("real_50", frontier=True), "student": "linear_head", "texts_per_s": 200.0}
    assert answer(speeds=[slower])["sentences"][-1] == (
        "Slower and higher by what may be chance: real_50 81.0\xa0% (+5.0 points, \N{MINUS SIGN}1.0 to +7.0) "
        "at 200 texts/s."
    )
    arms = evaluation()["arms"]
    arms["real_50"]["against_main"] = {"accuracy": 0.05, "ci_low": 0.01, "ci_high": 0.09}
    assert answer(speeds=[slower], arms=arms)["sentences"][-1] == (
        "Slower but better: real_50 81.0\xa0% (+5.0 points, +1.0 to +9.0) at 200 texts/s."
    )
    equal = {**slower, "mean": evaluation()["arms"]["mixed"]["accuracy"]["mean"]}
    assert "Slower" not in answer(speeds=[equal])["sentences"][-1]
    same = {**slower, "student": "fine_tune"}
    assert "Slower" not in answer(speeds=[same])["sentences"][-1]
    faster = {**speed("real_50", frontier=True), "texts_per_s": 900.0}
    assert answer(speeds=[faster])["sentences"][-1] == "Faster: real_50 81.0\xa0% at 900 texts/s."
    assert len(answer(speeds=[])["sentences"]) == 4


def test_a_speed_below_one_text_a_second_is_no_zero(answer):
    slow = {**speed("llm", frontier=True), "texts_per_s": 0.412}
    assert " at 0.41 texts/s; distilled (mixed): " in answer(speeds=[slow])["sentences"][-1]


@pytest.mark.parametrize(
    ("rows", "low", "high", "note", "headline", "interval"),
    [
        *[
            (50, 50, 50, "at least 50: the real curve ends there", "at least 30", "30 or more"),
            (50, 20, 50, "50 or more: the real curve ends there", "about 30 or more", "0 to 30 or more"),
            (20, 20, 50, "20 or fewer: the real curve begins there", "0", "0 to 30"),
        ]
    ],
)
def test_beyond_the_curve_the_worth_has_a_bound_only_if_the_interval_has_it(
    answer, rows, low, high, note, headline, interval
):
    entry = {"rows": rows, "ci_low": low, "ci_high": high, "note": note}
    result = answer(label_equivalence={"mixed": entry})
    assert result["headline"] == f"Your synthetic rows are worth {headline} real labels"
    assert result["interval"] == f"95 % interval {interval}"
    assert f"Label equivalence of mixed: {note}." in result["caveats"]


def test_an_interval_with_zero_and_harm_are_named(answer):
    pair = {"one": "mixed", "other": "real", "p_adjusted": 0.4}
    gain = {**pair, "accuracy": 0.01, "ci_low": -0.02, "ci_high": 0.04, "p_value": 0.4}
    assert "may be chance" in answer(gain={"mixed_vs_real": gain})["sentences"][1]
    none = answer(gain={"mixed_vs_real": {**gain, "accuracy": 0.0}})["headline"]
    assert none == "Your synthetic rows are worth no real labels: they change accuracy by +0.0 points"
    harm = {**pair, "accuracy": -0.05, "ci_low": -0.09, "ci_high": -0.01, "p_value": 0.01}
    result = answer(gain={"mixed_vs_real": harm})
    assert "lower accuracy" in result["sentences"][1]
    assert (result["headline"], result["interval"]) == (
        "Your synthetic rows are worth no real labels: they change accuracy by \N{MINUS SIGN}5.0 points",
        "95 % interval \N{MINUS SIGN}9.0 to \N{MINUS SIGN}1.0",
    )


def test_a_gain_of_one_seed_says_so(answer):
    assert "seed" not in answer()["sentences"][1]
    path = paths.METRICS / "train" / "mixed.json"
    write_json(path, {**read_json(path), "seeds": 1})
    assert "Trained with one seed: the interval doesn't cover" in verdict(read_inputs())["sentences"][1]


def test_caveats_are_of_this_run(answer):
    caveats = " ".join(answer()["caveats"])
    for text in (
        "Only 40 test rows",
        "off by 15.0\xa0% on average (calibration error of mixed; up to 12.0\xa0% may be chance)",
        "mixed against synthetic",
        "of 84 unseen real rows (a little too high: their weights were fitted on these rows)",
        "positive lacks 5 rows",
    ):
        assert text in caveats
    left_out = {"mixed_300": "it needs 300 rows"}
    assert "mixed_300 is left out: it needs 300 rows." in answer(left_out=left_out)["caveats"]


def test_a_calibration_error_that_may_be_chance_is_no_caveat(answer):
    arms = evaluation()["arms"]
    arms["mixed"]["calibration_by_chance"] = 0.16
    assert not [caveat for caveat in answer(arms=arms)["caveats"] if "off by" in caveat]


def test_the_accuracy_of_a_label_scorer_alone_is_told(run):
    write_data()
    path = paths.METRICS / "filter.json"
    scoring = {"accuracy": {"classifier": 0.74}, "real_rows": 84}
    write_json(path, {**read_json(path), "label_scoring": scoring})
    write_evaluation()
    caveats = verdict(read_inputs())["caveats"]
    assert any("right on 74.0\xa0% of 84 unseen real rows;" in caveat for caveat in caveats)


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_a_source_that_cross_validation_leaves_out_is_told(run, weight):
    write_data()
    path = paths.METRICS / "train/mixed.json"
    write_json(path, {**read_json(path), "weights": {"real": 1.0, "synthetic": weight}})
    write_evaluation()
    told = "Cross-validation gave the synthetic rows of mixed weight 0: it doesn't learn from them."
    assert (told in verdict(read_inputs())["caveats"]) == (weight == 0)


def test_without_real_rows_a_curve_or_a_second_arm_there_is_a_headline(answer):
    arms = evaluation()["arms"]
    worth = {"synthetic": {"rows": 35, "ci_low": 24, "ci_high": 50, "note": ""}}
    nothing = {"gain": {}, "sources": {}, "speeds": [], "alternative": {}}
    alone = {"synthetic": arms["synthetic"]}
    result = answer(arms=alone, main_arm="synthetic", label_equivalence=worth, **nothing)
    assert result["headline"] == "Your synthetic rows are worth about 35 real labels"
    assert answer(label_equivalence={})["headline"] == "The synthetic rows change accuracy by +6.0 points"
    result = answer(arms={"real": arms["real"]}, main_arm="real", label_equivalence={}, **nothing)
    assert result["headline"] == "real scores 70.0\xa0%"


def test_a_difference_that_is_sure_alone_may_not_be_so_among_many(answer):
    gain = {"accuracy": 0.05, "ci_low": 0.01, "ci_high": 0.09, "p_value": 0.02, "p_adjusted": 0.08}
    gain |= {"one": "mixed", "other": "real"}
    other = {**gain, "other": "synthetic", "p_value": 0.4, "p_adjusted": 0.8}
    caveats = answer(gain={"mixed_vs_real": gain, "mixed_vs_synthetic": other})["caveats"]
    assert "No significant difference on this test set: mixed against synthetic." in caveats
    assert "Significant by itself, but not as one of 2 comparisons (Holm): mixed against real." in caveats


def test_the_command_prints_scores_and_verdict(answer, capsys):
    with pytest.raises(DataError, match=r"metrics/evaluate\.json: no such file; run `dvc repro`"):
        print_verdict()
    write_json(paths.METRICS / "evaluate.json", {"task": "tiny", "arms": {}})
    with pytest.raises(DataError, match="written by another version; run `dvc repro`"):
        print_verdict()
    result = answer()
    print_verdict()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tiny: accuracy on 40 held-out real rows (95 % interval)"
    assert lines[3].split() == ["mixed", "220", "rows", "76.0", "%", "(73.0", "to", "79.0)", "340", "texts/s"]
    assert lines[-6:] == [f"{result['headline']} ({result['interval']}).", *result["sentences"]]


def test_the_command_tells_of_a_run_without_test_labels(answer, capsys):
    note = "no test labels: nothing could be scored"
    arms = {"synthetic": {**arm("synthetic", 0, 9, 0, 0.5), "accuracy": {}}}
    answer(test_rows=0, note=note, arms=arms, main_arm="synthetic", gain={})
    print_verdict()
    assert capsys.readouterr().out.splitlines()[1:] == [
        *("  synthetic          9 rows  340 texts/s", f"Nothing could be scored ({note}).")
    ]


def test_results_of_another_task_or_an_unfinished_run_are_not_shown_as_this_ones(
    answer, run, made, set_params, capsys
):
    """As after a run of another task that was stopped: metrics of the last run still lie there."""
    answer()
    recorded = {"params": {"params.yaml": {"generate": load_params().generate.model_dump(mode="json")}}}
    evaluated = {"outs": [{"path": "metrics/evaluate.json", "md5": "0" * 32}]}
    (run / "dvc.lock").write_text(json.dumps({"stages": {"generate": recorded}}), encoding="utf-8")
    print_verdict()
    write_card(run, "other")
    for changes, message in (
        ({"task": "other"}, "evaluate.json is of task tiny, and params.yaml says other; run `dvc repro`"),
        ({"task": "tiny", "generate.top_k": 7}, "params.yaml: generate.top_k is not what generate ran with"),
    ):
        set_params(changes)
        for show in (print_verdict, report):
            with pytest.raises(DataError, match=re.escape(message)):
                show()
    set_params({"generate.top_k": recorded["params"]["params.yaml"]["generate"]["top_k"]})
    stages = {"stages": {"generate": recorded, "evaluate": evaluated}}
    (run / "dvc.lock").write_text(json.dumps(stages), encoding="utf-8")
    with pytest.raises(DataError, match=r"evaluate\.json is not what dvc\.lock records; run `dvc repro`, or"):
        print_verdict()
    # Stages that were run without DVC leave dvc.lock as it was.
    set_params({"generate.top_k": 7})
    made()
    assert "evaluate.json is not what dvc.lock records, so nothing shows" in capsys.readouterr().err
