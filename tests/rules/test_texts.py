import numpy as np
import pytest

from labelmint.rules.texts import TEXT_RULES, filter_texts, summary
from labelmint.tasks.task import Task
from tests.builders import card, review, reviews
from tests.rules.helpers import embedder, settings

TRAIN = reviews({"negative": 5, "positive": 5})
TEST = [{"id": "t1", "text": "the test input speaks of a house by the sea"}]
CLEAR, UNSURE = np.log([0.9, 0.1]), np.log([0.55, 0.45])


def filtered(texts, scores=None, embed=None, **changes):
    """Return the filter's two parts; texts have a clear label unless `scores` has them by id."""
    rows = [{"id": row_id, "text": text} for row_id, text in texts.items()]
    scores = dict.fromkeys(texts, CLEAR) | (scores or {})
    params = settings(labelling={"action": "none", "min_margin": 0.85}, **changes)
    return filter_texts(Task(params, card(), TRAIN, TEST), rows, scores, embed)


def test_every_text_ends_in_one_part_in_its_order_with_its_scores():
    texts = {f"u{at}": review("negative", 100 + at)["text"] for at in range(30)}
    unsure = {f"u{at}": UNSURE for at in range(0, 30, 3)}
    kept, rejected = filtered(texts, unsure)
    assert [row["id"] for row in kept] == [name for name in texts if name not in unsure]
    assert [row["id"] for row in rejected] == [*unsure]
    assert {row["judged_label"] for row in kept} == {"negative"}
    assert {(row["rule"], row["evidence"]["margin"]) for row in rejected} == {("unsure_label", 0.2007)}
    assert kept[0]["label_scores"] == {"negative": -0.1054, "positive": -2.3026}
    counts = summary(card(), kept, rejected)
    assert list(counts["rejected"]) == list(TEXT_RULES)
    assert (counts["texts"], counts["kept"], counts["kept_share"]) == (30, 20, 0.6667)
    assert (counts["rejected"]["unsure_label"], counts["labels"]) == (10, {"negative": 20, "positive": 0})


@pytest.mark.parametrize(
    "text",
    [
        "dull",
        " ".join(f"w{at}" for at in range(90)),
        "so it goes <br /> so it goes <br /> so it goes",
        "negative film review: a negative one",
    ],
)
def test_what_only_a_written_text_must_not_be_is_no_reason_to_reject_one_that_exists(text):
    assert [row["id"] for row in filtered({"u1": text})[0]] == ["u1"]


def test_no_text_near_a_test_input_is_kept():
    texts = {
        "u1": "The test input speaks of a house, by the sea!",
        "u2": "that test input speaks of a house by the sea, too",
        "u3": "a home on the coast is its topic",
        "u4": "nothing of the kind at all",
    }
    axes = {"u1": 0, "u2": 0, "u3": 0, "t1": 0, "u4": 1, **{row["id"]: 2 for row in TRAIN}}
    kept, rejected = filtered(texts, embed=embedder(axes), semantic_similarity=0.8)
    assert [row["id"] for row in kept] == ["u4"]
    leaks = {row["id"]: row["evidence"]["test"] for row in rejected if row["rule"] == "test_leak"}
    assert leaks == {"u1": "t1", "u3": "t1"}  # the second is like the first


def test_a_disabled_rule_rejects_nothing():
    kept, _ = filtered({"u1": "!?"}, disabled_rules=["empty", "unsure_label"])
    assert [row["id"] for row in kept] == ["u1"]
