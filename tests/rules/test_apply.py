import zlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from labelmint.core.records import Candidate, Input
from labelmint.rules.apply import filter_candidates, summary
from labelmint.rules.filtering import Filtering
from labelmint.rules.registry import RULES
from labelmint.tasks.task import Task
from tests.builders import candidate, card, labelled, review
from tests.rules.helpers import ENGLISH, embedder, settings

NAMES = ["negative", "positive"]
TRAIN = [labelled("negative", 1, "one real row of some words about a slow film"),
         labelled("positive", 2, "one more real row that was shown to the writer")]  # fmt: skip
TRAIN += [labelled("negative", 10 + at, text) for at, text in enumerate(ENGLISH[:8])]
TEST = [Input(id="t1", text="the test input speaks of a house by the sea")]
NEGATIVE, POSITIVE, UNSURE = np.log([[0.9, 0.1], [0.1, 0.9], [0.55, 0.45]])

CARD = card(facts={"path": "facts.csv", "words": "in {city}", "must_occur": "city"})
# A text for each rule, in the order of the rules.
BREAKING = {
    "no_label": ("a text of which nobody says what it is", {"label": ""}),
    "empty": ("...", {}),
    "cut_off": ("an answer that goes on and", {"finish_reason": "length"}),
    "garbled": ("half a \ufffd token here", {}),
    "prompt_echo": ("so it ends. negative film review: and on", {}),
    "label_leak": ("a dull film (negative)", {}),
    "answer_leak": ("what a truly negative film review that was", {}),
    "markup": ("a film <br /> and its sequel", {}),
    "too_short": ("two words", {}),
    "too_long": (" ".join(f"w{number}" for number in range(21)), {}),
    "foreign_script": ("медленный, но честный фильм", {}),
    "language": ("ce film est une merveille d'intelligence et d'humour", {}),
    "repetitive": ("so it goes so it goes so it goes", {}),
    "missing_slot": ("a table for two in another city", {"values": {"city": "Paris"}}),
    "exact_duplicate": ("The first of the kept texts, word for word", {}),
    "near_duplicate": ("well, the first of the kept texts, word for word", {}),
    "semantic_duplicate": ("no good at all says everybody here", {}),
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
# The text that says the same as a kept one in other words: their vectors are one.
SAME = {"no good at all says everybody here": "some second text that is as good as it"}
KEPT = ["the first of the kept texts word for word", "some second text that is as good as it"]


def embed(rows):
    """Return a direction of its own for every text."""
    texts = [SAME.get(row["text"], row["text"]) for row in rows]
    vectors = np.stack([np.random.default_rng(zlib.crc32(text.encode())).normal(size=64) for text in texts])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def filtered(rows, scores=None, train=TRAIN, test=TEST, embed=None, the_card=None, **changes):
    labelling = {"action": "none" if scores is None else "drop", **changes.pop("labelling", {})}
    params = settings(labelling=labelling, **{"semantic_similarity": 0.9 if embed else 1.0, **changes})
    return filter_candidates(
        Filtering(Task(params, the_card or CARD, train, test), rows, scores or {}, embed)
    )


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
    assert list(BREAKING) == list(RULES)


@pytest.mark.parametrize("seed", range(2))
def test_each_rule_rejects_its_text_and_only_that(seed):
    rows, scores = breaking()
    result = filtered(rows, scores, embed=embed, labelling={"min_margin": 0.5}, seed=seed)
    broken = {row["text"]: row["rule"] for row in result.rejected}
    # Which of the two good texts of the label is too many is drawn.
    surplus = next(text for text, rule in broken.items() if rule == "surplus")
    assert surplus in (KEPT[0], BREAKING["surplus"][0])
    assert broken == {
        **{text: rule for rule, (text, _) in BREAKING.items() if rule != "surplus"},
        surplus: "surplus",
    }
    assert sorted(row["judged_label"] for row in result.kept) == NAMES
    counts = summary(card(), result)
    assert counts["rejected"] == dict.fromkeys(RULES, 1)
    assert (counts["candidates"], counts["kept"], counts["missing"]) == (len(rows), 2, {})


def test_kept_and_rejected_rows_hold_the_candidate_and_the_result():
    rows, scores = breaking()
    result = filtered(rows, scores, embed=embed)
    by_id = {row["id"]: row for row in rows}
    shown = {row_id: dict(zip(NAMES, np.round(row, 4), strict=True)) for row_id, row in scores.items()}
    for row in result.kept:
        whole = {**by_id[row["id"]], "judged_label": row["label"], "label_scores": shown[row["id"]]}
        assert row == whole
    for row in result.rejected:
        assert row.pop("rule") in RULES
        assert isinstance(row.pop("evidence"), dict)
        assert row.pop("label_scores") == shown[row["id"]]
        assert row == by_id[row["id"]]


def rejected(*disabled):
    rows, scores = breaking()
    labelling = {"action": "relabel", "min_margin": 0.5}  # which a row without a label needs
    return filtered(rows, scores, embed=embed, labelling=labelling, disabled_rules=[*disabled]).rejected


@pytest.fixture(scope="module")
def enabled():
    """Return what is rejected with all rules enabled."""
    return rejected()


@pytest.mark.parametrize("rule", [name for name, rule in RULES.items() if rule.optional])
def test_a_disabled_rule_rejects_nothing(enabled, rule):
    disabled = rejected(rule)
    text, order = BREAKING[rule][0], list(RULES)
    assert rule in {row["rule"] for row in enabled}
    assert rule not in {row["rule"] for row in disabled}
    # The row may break a later rule, and those before it are as they were.
    earlier = order[: order.index(rule)]
    assert [row for row in disabled if row["rule"] in earlier] == [
        row for row in enabled if row["rule"] in earlier
    ]
    later = next((row["rule"] for row in disabled if row["text"] == text), "surplus")
    assert order.index(later) > order.index(rule)


def test_a_similarity_of_one_compares_no_meanings():
    rows, _ = breaking()
    result = filtered(rows, embed=lambda _: 1 / 0, semantic_similarity=1.0)
    assert "semantic_duplicate" not in {row["rule"] for row in result.rejected}


def test_relabelled_rows_keep_the_label_that_they_were_written_for():
    rows = [candidate(number, review("negative", number)["text"]) for number in range(6)]
    scores = {row["id"]: POSITIVE if int(row["id"][1:]) % 2 else NEGATIVE for row in rows}
    result = filtered(rows, scores, labelling={"action": "relabel"})
    assert result.rejected == []
    assert [row["judged_label"] for row in result.kept] == NAMES * 3
    assert {row["label"] for row in [*result.kept, *rows]} == {"negative"}
    counts = summary(card(), result)
    assert counts["relabelled"] == 3
    assert counts["labels"] == {
        "negative": {"candidates": 6, "kept": 3},
        "positive": {"candidates": 0, "kept": 3},
    }


def test_a_copy_of_a_rejected_text_is_kept():
    rows = [
        candidate(0, "well worth an evening of your time", finish_reason="length"),
        candidate(1, "well worth an evening of your time"),
        candidate(2, "some other text of the other label", "positive"),
    ]
    assert [row["id"] for row in filtered(rows).kept] == ["s000001", "s000002"]


def test_profiles_are_noted_on_kept_rows_and_reject_nothing():
    train = [labelled(NAMES[at % 2], at, f"real {at}") for at in range(20)]
    rows = [candidate(at, f"number {at} is w{at} x{at} y{at}", NAMES[at % 2]) for at in range(40)]
    # Row 8 is where the other label is.
    axes = {row["id"]: NAMES.index(row["label"]) for row in [*train, *rows]} | {"s000008": 1}
    changes = {"train": train, "test": [], "embed": embedder(axes), "disabled_rules": ["semantic_duplicate"]}
    noted, plain = filtered(rows, profile=True, **changes), filtered(rows, **changes)
    assert [row["id"] for row in noted.kept] == [row["id"] for row in plain.kept]
    assert noted.rejected == plain.rejected
    for row in noted.kept:
        assert row["profile"] in ("easy", "ambiguous", "hard")
        assert 0 <= row["confidence"] <= 1
        assert 0 <= row["variability"] <= 0.5
    assert sum(summary(card(), noted)["profiles"].values()) == 40
    assert "profiles" not in summary(card(), plain)
    assert noted.kept[8]["profile"] != "easy"


TEXT = st.lists(
    st.sampled_from(["a", "b", "c", "d", "film review:", "\ufffd", "фильм", "!"]), max_size=7
).map(" ".join)
ROW = st.tuples(TEXT, st.sampled_from(NAMES), st.sampled_from(["stop", "length"]), st.floats(0.01, 0.99))


@profile(max_examples=15)
@given(
    st.lists(ROW, max_size=15),
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
    labelling = {"action": action, "min_margin": margin}
    result = filtered(rows, {} if action == "none" else scores, seed=seed, labelling=labelling)
    order = {row["id"]: at for at, row in enumerate(rows)}
    for part in (result.kept, result.rejected):
        places = [order[row["id"]] for row in part]
        assert places == sorted(places)
    assert sorted(row["id"] for row in [*result.kept, *result.rejected]) == sorted(order)
    counts = Counter(row["judged_label"] for row in result.kept)
    assert counts["negative"] == counts["positive"] >= 1
    candidate_keys = {"id", "text", "label", *Candidate.__annotations__} - {"text_pair"}
    for row in [*result.kept, *result.rejected]:
        assert candidate_keys <= set(row)
    if action != "relabel":
        assert all(row["label"] == row["judged_label"] for row in result.kept)


def test_without_real_and_test_rows_the_rules_on_form_and_duplicates_are_left():
    texts = ["the first of the texts", "медленный, но честный фильм", "The first of the texts!"]
    rows = [candidate(at, text, NAMES[at % 2]) for at, text in enumerate(texts)]
    result = filtered(rows, train=[], test=[])
    assert [row["id"] for row in result.kept] == ["s000000", "s000001"]
    assert [row["rule"] for row in result.rejected] == ["exact_duplicate"]
