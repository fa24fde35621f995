import numpy as np
import pytest

from labelmint.encoder import linear
from labelmint.encoder.vectors import Vectors
from labelmint.rules.judgement import Judgement
from labelmint.rules.sieve import Sieve
from stages.filter import sift
from tests.builders import candidate, card, labelled
from tests.filter.helpers import config
from tests.filter.vectors import embedder

NAMES = ["negative", "positive"]
HALVES = {"negative": 0.5, "positive": 0.5}
TRAIN = [labelled(NAMES[at % 2], at) for at in range(40)]
ROWS = [candidate(at, f"the text of number {at} is w{at} x{at} y{at}", NAMES[at % 2]) for at in range(60)]
# Row 8 reads like the other label, row 13 like no real row.
WRONG, ODD = "s000008", "s000013"
AXES = {row["id"]: NAMES.index(row["label"]) for row in [*TRAIN, *ROWS]} | {WRONG: 1, ODD: 5}
ALL = {"label_issue": True, "outlier": True, "profile": True}


@pytest.fixture(autouse=True)
def one_strength(monkeypatch):
    monkeypatch.setattr(linear, "_REGULARISATION", [30.0])


def judged(rules, train=TRAIN, rows=ROWS, **settings):
    sieve = Sieve(rows, Vectors(embedder(AXES), rows, train))
    labels = {row["id"]: row["label"] for row in rows}
    settings = {"label_quality": 0.3, **settings}
    Judgement(sieve, config(rules=rules, **settings), NAMES, train, labels).apply()
    return sieve


def test_a_label_issue_names_the_label_the_suggested_one_and_the_quality():
    rule, evidence = judged({"label_issue": True}).verdicts[WRONG]
    assert rule == "label_issue"
    assert (evidence["label"], evidence["suggested"]) == ("negative", "positive")
    assert evidence["quality"] < 0.3


def test_an_outlier_names_the_nearest_real_row_and_both_distances():
    sieve = judged({"outlier": True})
    rule, evidence = sieve.verdicts[ODD]
    assert rule == "outlier"
    assert evidence["distance"] > evidence["threshold"]
    text = next(row["text"] for row in TRAIN if row["id"] == evidence["real"])
    assert evidence["real_text"] == text
    assert len(sieve.verdicts) < 10


def test_each_rule_sees_what_the_one_before_left():
    sieve = judged(ALL)
    assert sieve.verdicts[WRONG][0] == "label_issue"
    assert sieve.verdicts[ODD][0] in ("label_issue", "outlier")
    assert set(sieve.notes) == {row["id"] for row in sieve.standing}


@pytest.mark.parametrize("rule", list(ALL))
def test_a_rule_that_is_off_rejects_and_notes_nothing(rule):
    sieve = judged({**ALL, rule: False})
    assert rule not in {rule for rule, _ in sieve.verdicts.values()}
    assert bool(sieve.notes) == (rule != "profile")


def test_profiles_are_noted_and_only_those_that_are_not_wanted_rejected():
    noted = judged({"profile": True})
    assert noted.verdicts == {}
    assert list(noted.notes) == [row["id"] for row in ROWS]
    assert noted.notes[WRONG]["profile"] != "easy"
    some = judged({"profile": True}, profiles=["easy"])
    assert some.notes == noted.notes
    assert {row["id"] for row in some.standing} == {
        row_id for row_id, note in noted.notes.items() if note["profile"] == "easy"
    }
    for row_id, (rule, evidence) in some.verdicts.items():
        assert (rule, evidence) == ("profile", noted.notes[row_id])


def test_without_real_rows_nothing_is_an_outlier_and_the_others_judge_still():
    sieve = judged(ALL, train=[])
    assert {rule for rule, _ in sieve.verdicts.values()} <= {"label_issue"}
    assert sieve.verdicts[WRONG][0] == "label_issue"


@pytest.mark.parametrize("rows", [[], ROWS[:1], ROWS[:2], ROWS[:1] + ROWS[2:3]])
def test_too_few_rows_to_judge_are_no_error(rows):
    for train in (TRAIN, []):
        sieve = judged(ALL, train=train, rows=rows)
        assert len(sieve.standing) + len(sieve.verdicts) == len(rows)


def test_labels_are_those_after_relabelling():
    sieve = Sieve(ROWS, Vectors(embedder(AXES), ROWS, TRAIN))
    labels = {row["id"]: row["label"] for row in ROWS} | {WRONG: "positive"}
    settings = config(rules={"label_issue": True}, label_quality=0.3)
    Judgement(sieve, settings, NAMES, TRAIN, labels).apply()
    assert WRONG not in sieve.verdicts


def test_the_same_rows_give_the_same_verdicts():
    one, two = judged(ALL), judged(ALL)
    assert (one.verdicts, one.notes) == (two.verdicts, two.notes)


def test_sifted_rows_carry_their_profile():
    rules = {**ALL, "semantic_duplicate": False}
    settings = config(rules=rules, label_quality=0.3, rows_per_label=20, max_words=80)
    kept, rejected, _ = sift(settings, card(), ROWS, TRAIN, [], {}, HALVES, embedder(AXES))
    assert len(kept) == 40
    for row in [*kept, *(row for row in rejected if row["rule"] == "surplus")]:
        assert row["profile"] in ("easy", "ambiguous", "hard")
        assert 0 <= row["confidence"] <= 1
        assert 0 <= row["variability"] <= 0.5
    early = [row for row in rejected if row["rule"] in ("label_issue", "outlier")]
    assert early
    assert all("profile" not in row for row in early)


def test_rules_that_need_vectors_say_so_where_there_are_none():
    with pytest.raises(ValueError, match="vectors"):
        sift(config(rules={"outlier": True}), card(), ROWS, TRAIN, [], {}, HALVES)


def test_of_wrong_labels_in_clear_cases_most_are_caught_at_the_cost_of_few_right_rows():
    """Over 10 sets of 20 wrong labels among 200 rows, and judges who are right on 95 % of them."""
    caught = lost = 0
    train = [labelled(NAMES[at % 2], at) for at in range(100)]
    rules = {"label_issue": True, "outlier": True, "semantic_duplicate": False}
    settings = {"rules": rules, "label_quality": 0.05, "max_words": 80}
    settings["outlier_quantile"] = 0.99
    for seed in range(10):
        draw = np.random.default_rng(seed)
        wrong = set(draw.choice(200, 20, replace=False).tolist())
        truth = np.arange(200) % 2
        rows = [
            candidate(at, f"the text {at} is w{at} x{at} y{at}", NAMES[truth[at] ^ (at in wrong)])
            for at in range(200)
        ]
        axes = {row["id"]: int(truth[at]) for at, row in enumerate(rows)}
        axes |= {row["id"]: NAMES.index(row["label"]) for row in train}
        read = truth ^ (draw.random(200) < 0.05)
        scores = {row["id"]: np.log([[0.9, 0.1], [0.1, 0.9]])[read[at]] for at, row in enumerate(rows)}
        filter_settings = config(verify={"action": "drop"}, **settings)
        _, rejected, _ = sift(filter_settings, card(), rows, train, [], scores, HALVES, embedder(axes))
        rules = {int(row["id"][1:]): row["rule"] for row in rejected if row["rule"] != "surplus"}
        caught += len(wrong & set(rules))
        lost += sum(rule in ("label_issue", "outlier") for at, rule in rules.items() if at not in wrong)
    assert caught >= 0.8 * 200
    assert lost <= 0.02 * 1800
