"""Planted rules: what removes wrong labels gains, what removes rows at random doesn't."""

import pytest

from experiments.ablate.gains import NO_LABELS, TOO_FEW
from labelmint.core.errors import DataError
from tests.experiments.ablation import NAMES, Toy, rejected, set_constants

__all__ = ["set_constants"]


def by_rule(result):
    return {entry["rule"]: entry for entry in result["rules"]}


def test_a_rule_against_wrong_labels_gains_and_one_that_removes_rows_at_random_does_not():
    toy = Toy().add(200, wrong=0.1).add(160, "wrong", wrong=1.0).add(120, "dice", wrong=0.1)
    rules = by_rule(toy.ablation().compare())
    sure, chance = rules["wrong"]["gain"], rules["dice"]["gain"]
    assert 0.02 < sure["ci_low"] < sure["accuracy"] < sure["ci_high"]
    assert sure["p_adjusted"] < 0.05
    assert chance["ci_low"] <= 0 <= chance["ci_high"]
    assert chance["p_adjusted"] > 0.05


def test_a_rule_that_removes_the_right_rows_costs():
    toy = Toy().add(200, wrong=0.45).add(200, "against_good_rows")
    gain = by_rule(toy.ablation().compare())["against_good_rows"]["gain"]
    assert gain["ci_high"] < 0


def test_the_filter_as_a_whole_is_compared_with_the_texts_as_they_were_written():
    toy = Toy().add(200, wrong=0.05).add(100, "wrong", wrong=1.0).add(100, "worse", wrong=1.0)
    result = toy.ablation().compare()
    assert result["filter"]["removed"] == 200
    assert result["filter"]["without_rule"]["rows"] == 400
    assert result["filter"]["gain"]["ci_low"] > 0.05
    assert "p_adjusted" not in result["filter"]["gain"]  # it is one, and none of the rules


def test_the_same_rows_on_both_sides_differ_in_nothing():
    toy = Toy().add(100)
    whole = toy.ablation().compare()["filter"]
    assert whole["gain"] == {"accuracy": 0.0, "ci_low": 0.0, "ci_high": 0.0, "p_value": 1.0}


def test_all_sets_have_the_size_of_the_accepted_rows_but_for_those_with_the_rules_rows_added():
    toy = Toy().add(101).add(60, "rule").add(30, "surplus")
    trained = []
    ablation = toy.ablation(on_trained=trained.append)
    real = toy.real(20, "t")
    result = ablation.compare(real)
    (rule,) = result["rules"]
    assert result["base"]["rows"] == 130 + 20  # 66 and 65 accepted, both labels alike
    assert rule["random_subset"]["rows"] == 150
    assert rule["without_rule"]["rows"] == 190 + 20
    assert len(trained) == ablation.students_needed() == (1 + 5 * 2) * 2


def test_rules_that_removed_few_rows_are_listed_without_numbers():
    toy = Toy().add(120).add(19, "rare").add(20, "common")
    toy.rejected += [rejected(900 + number, "no_label", "") for number in range(30)]
    result = toy.ablation(scored=50).compare()
    assert [(entry["rule"], entry["removed"], entry["note"]) for entry in result["rules"]] == [
        ("no_label", 30, NO_LABELS),
        ("common", 20, ""),
        ("rare", 19, TOO_FEW),
    ]
    assert [entry["rule"] for entry in result["rules"] if "gain" in entry] == ["common"]


def test_a_share_of_the_rows_is_needed_too(set_constants):
    toy = Toy().add(120).add(40, "rule")
    for share, rules in ((0.5, []), (0.3, ["rule"])):
        set_constants(MIN_SHARE=share)
        assert toy.ablation().compared() == rules


def test_a_label_without_accepted_rows_is_an_error():
    toy = Toy().add(40)
    toy.kept = [row for row in toy.kept if row["label"] == NAMES[0]]
    with pytest.raises(DataError, match="no accepted row is labelled 'positive'"):
        toy.ablation()


def test_a_label_that_nothing_was_written_for_leaves_the_filter_as_a_whole_out():
    toy = Toy().add(120).add(40, "rule")
    for row in [*toy.kept, *toy.rejected]:
        row["label"] = NAMES[0]
    ablation = toy.ablation(scored=50)
    result = ablation.compare()
    assert result["filter"] == {"removed": 40, "note": NO_LABELS}
    assert result["base"]["rows"] == 120
