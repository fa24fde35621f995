from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.errors import DataError
from stages.filter.__main__ import sift
from stages.filter.sieve import RULES
from stages.records import Candidate, Input
from tests.builders import candidate, card, labelled, review
from tests.filter.helpers import config

NAMES = ["negative", "positive"]
TRAIN = [labelled("negative", 1, "one real row of some words about a slow film"),
         labelled("positive", 2, "one more real row that was shown to the writer")]  # fmt: skip
TEST = [Input(id="t1", text="the test input speaks of a house by the sea")]
NEGATIVE, POSITIVE, UNSURE = np.log([[0.9, 0.1], [0.1, 0.9], [0.55, 0.45]])

# A text for each rule, in the order of the rules.
BREAKING = {
    "empty": ("...", {}),
    "cut_off": ("an answer that goes on and", {"finish_reason": "length"}),
    "garbled": ("half a \ufffd token here", {}),
    "prompt_echo": ("so it ends. negative film review: and on", {}),
    "label_leak": ("a dull film (negative)", {}),
    "too_short": ("two words", {}),
    "too_long": (" ".join(f"w{number}" for number in range(21)), {}),
    "foreign_script": ("медленный, но честный фильм", {}),
    "repetitive": ("so it goes so it goes so it goes", {}),
    "exact_duplicate": ("The first of the kept texts, word for word", {}),
    "near_duplicate": ("well, the first of the kept texts, word for word", {}),
    "demonstration_copy": (
        "one more real row that was shown to the writer!",
        {"demonstration_ids": ["r000002"]},
    ),
    "real_copy": ("one real row of some words about a slow film", {}),
    "test_leak": ("the test input speaks of a house by the lake", {}),
    "unsure_label": ("neither fish nor fowl and rather grey", {}),
    "wrong_label": ("read as the other label all day", {}),
    "surplus": ("a third text of this label that is too many", {}),
}
KEPT = ["the first of the kept texts word for word", "some second text that is as good as it"]


def breaking():
    """Return candidates that break one rule each after two that are kept, and their scores."""
    rows = [candidate(0, KEPT[0], "negative"), candidate(1, KEPT[1], "positive")]
    rows += [candidate(2 + at, text, **changes) for at, (text, changes) in enumerate(BREAKING.values())]
    scores = {row["id"]: NEGATIVE if row["label"] == "negative" else POSITIVE for row in rows}
    for row in rows:
        if row["text"] == BREAKING["unsure_label"][0]:
            scores[row["id"]] = UNSURE
        elif row["text"] == BREAKING["wrong_label"][0]:
            scores[row["id"]] = POSITIVE
    return rows, scores


def test_there_is_a_text_for_every_rule():
    assert list(BREAKING) == RULES


@pytest.mark.parametrize("seed", range(4))
def test_each_rule_rejects_its_text_and_only_that(seed):
    rows, scores = breaking()
    settings = config(seed=seed, verify={"action": "drop", "min_margin": 0.5})
    kept, rejected = sift(settings, card(), rows, TRAIN, TEST, scores)
    found = {row["text"]: row["rule"] for row in rejected}
    # Which of the two good texts of the label is too many is drawn.
    surplus = next(text for text, rule in found.items() if rule == "surplus")
    assert surplus in (KEPT[0], BREAKING["surplus"][0])
    assert found == {
        **{text: rule for rule, (text, _) in BREAKING.items() if rule != "surplus"},
        surplus: "surplus",
    }
    assert [row["label"] for row in kept] in (["negative", "positive"], ["positive", "negative"])


def test_kept_and_rejected_rows_hold_the_candidate_and_what_was_found():
    rows, scores = breaking()
    kept, rejected = sift(
        config(verify={"action": "drop", "min_margin": 0.5}), card(), rows, TRAIN, TEST, scores
    )
    by_id = {row["id"]: row for row in rows}
    for row in kept:
        assert row == {
            **by_id[row["id"]],
            "written_label": by_id[row["id"]]["label"],
            "label_scores": dict(zip(NAMES, np.round(scores[row["id"]], 4), strict=True)),
        }
    for row in rejected:
        assert row.pop("rule") in RULES
        assert isinstance(row.pop("evidence"), dict)
        assert row.pop("label_scores") == dict(zip(NAMES, np.round(scores[row["id"]], 4), strict=True))
        assert row == by_id[row["id"]]


def test_without_verification_there_are_no_scores_and_wrong_labels_pass():
    rows, _ = breaking()
    kept, rejected = sift(config(verify={"action": "none"}), card(), rows, TRAIN, TEST, {})
    assert {row["label_scores"] for row in [*kept, *rejected]} == {None}
    assert not {"wrong_label", "unsure_label"} & {row["rule"] for row in rejected}


def test_relabelled_rows_keep_the_label_that_they_were_written_for():
    rows = [candidate(number, review("negative", number)["text"]) for number in range(6)]
    scores = {row["id"]: POSITIVE if int(row["id"][1:]) % 2 else NEGATIVE for row in rows}
    kept, rejected = sift(config(verify={"action": "relabel"}), card(), rows, TRAIN, TEST, scores)
    assert rejected == []
    assert [row["label"] for row in kept] == NAMES * 3
    assert {row["written_label"] for row in kept} == {"negative"}
    assert {row["label"] for row in rows} == {"negative"}  # the candidates themselves are as they were


def test_a_copy_of_a_rejected_text_is_kept():
    rows = [
        candidate(0, "well worth an evening of your time", finish_reason="length"),
        candidate(1, "well worth an evening of your time"),
        candidate(2, "some other text of the other label", "positive"),
    ]
    kept, _ = sift(config(), card(), rows, TRAIN, TEST, {})
    assert [row["id"] for row in kept] == ["s000001", "s000002"]


TEXT = st.lists(
    st.sampled_from(["a", "b", "c", "d", "film review:", "\ufffd", "фильм", "!"]), max_size=7
).map(" ".join)
ROW = st.tuples(TEXT, st.sampled_from(NAMES), st.sampled_from(["stop", "length"]), st.floats(0.01, 0.99))


@given(
    st.lists(ROW, max_size=25),
    st.sampled_from(["drop", "relabel", "none"]),
    st.sampled_from([0.0, 1.0]),
    st.integers(0, 3),
)
def test_kept_and_rejected_are_a_partition_in_the_candidates_order(drawn, action, margin, seed):
    rows = [
        candidate(number, text, label, finish_reason=reason)
        for number, (text, label, reason, _) in enumerate(drawn)
    ]
    scores = {f"s{number:06d}": np.log([p, 1 - p]) for number, (*_, p) in enumerate(drawn)}
    # Two that stand in any case, so that no label comes out empty.
    rows += [candidate(90, "w x y z", "negative"), candidate(91, "z y x w", "positive")]
    scores |= {"s000090": NEGATIVE, "s000091": POSITIVE}
    settings = config(seed=seed, verify={"action": action, "min_margin": margin})
    kept, rejected = sift(settings, card(), rows, TRAIN, TEST, {} if action == "none" else scores)
    order = {row["id"]: at for at, row in enumerate(rows)}
    for part in (kept, rejected):
        places = [order[row["id"]] for row in part]
        assert places == sorted(places)
    assert sorted(row["id"] for row in [*kept, *rejected]) == sorted(order)
    assert {row["rule"] for row in rejected} <= set(RULES)
    counts = Counter(row["label"] for row in kept)
    assert counts["negative"] == counts["positive"] >= 1
    candidate_keys = {"id", "text", "label", *Candidate.__annotations__}
    for row in [*kept, *rejected]:
        assert candidate_keys <= set(row)
    if action != "relabel":
        assert all(row["label"] == row["written_label"] for row in kept)


def test_the_shortfall_speaks_of_all_candidates():
    rows, scores = breaking()
    with pytest.raises(DataError, match=r"raise generate\.candidates from 19 to about"):
        sift(config(rows_per_label=5), card(), rows, TRAIN, TEST, scores)
