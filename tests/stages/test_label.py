import numpy as np
import pytest

from labelmint.core import paths
from labelmint.core.records import read_json, read_rows, write_rows
from labelmint.labelling.scores import LabelScores
from stages.label import main
from tests.builders import reviews
from tests.fake_model import FakeModel

GOOD = ("great", "bright", "lovely", "superb")


def right_label(text, choice):
    """Score the reviews without an error, and texts without an opinion as either label."""
    if not any(word in text for word in (*GOOD, "awful", "dull", "clumsy", "weak")):
        return 0.0
    return 0.0 if any(word in text for word in GOOD) == ("positive" in choice) else -3.0


@pytest.fixture
def model(prepared, set_params, open_with):
    """Have 40 texts to label, and open a scripted model."""
    set_params({"labelling.scorers": ["llm"], "labelling.demonstrations": 8, "labelling.min_margin": 0.85})
    set_params({"filter.disabled_rules": []})
    fake = open_with(FakeModel(reader=right_label), "stages.label")
    write_rows(paths.UNLABELLED, texts())
    return fake


def texts():
    rows = reviews({"negative": 20, "positive": 20}, first=500)
    return [{"id": f"u{at:06d}", "text": row["text"]} for at, row in enumerate(rows)]


def written():
    return read_rows(paths.LABELLED), read_rows(paths.LABELLED_REJECTED)


def test_texts_get_the_label_that_scores_best(model):
    main()
    kept, rejected = written()
    assert len(kept) + len(rejected) == 40
    assert len(kept) > 30
    for row in kept:
        assert row["judged_label"] == (
            "positive" if any(word in row["text"] for word in GOOD) else "negative"
        )
        assert set(row) == {"id", "text", "judged_label", "label_scores"}
    metrics = read_json(paths.METRICS / "label.json")
    assert (metrics["texts"], metrics["kept"]) == (40, len(kept))
    assert sum(metrics["rejected"].values()) == len(rejected)
    assert metrics["label_scoring"]["accuracy"] == {"llm": 1.0}


def test_unsure_texts_duplicates_and_copies_of_training_and_test_rows_are_rejected(model):
    train, test = read_rows(paths.REAL_TRAIN)[0]["text"], read_rows(paths.TEST_INPUTS)[0]["text"]
    planted = {
        "u1": ("a film about a city and a long road by night", "unsure_label"),
        "u2": (texts()[0]["text"].upper(), "exact_duplicate"),
        "u3": (train, "real_copy"),
        "u4": (test, "test_leak"),
        "u5": ("!?", "empty"),
    }
    rows = [*texts(), *({"id": row_id, "text": text} for row_id, (text, _) in planted.items())]
    write_rows(paths.UNLABELLED, rows)
    main()
    rejected = {row["id"]: row for row in written()[1]}
    assert {row_id: rejected[row_id]["rule"] for row_id in planted} == {
        row_id: rule for row_id, (_, rule) in planted.items()
    }
    assert rejected["u1"]["evidence"]["margin"] < 0.85
    assert rejected["u4"]["evidence"]["test_text"] == test


def test_labels_without_a_fold_are_written_of_kept_texts_and_of_unsure_ones(model, monkeypatch):
    clear, unsure = np.log([0.9, 0.1]), np.log([0.5, 0.5])
    first, second = (row["id"] for row in texts()[:2])
    without = {first: np.array([clear] * 4 + [unsure]), second: np.array([unsure] * 4 + [clear])}
    scores = LabelScores({first: clear, second: unsure}, without)
    monkeypatch.setattr("stages.label.score_labels", lambda *_: scores)
    write_rows(paths.UNLABELLED, texts()[:2])
    main()
    (kept,), (rejected,) = written()
    assert kept["fold_labels"] == ["negative"] * 4 + [""]
    assert (rejected["rule"], rejected["fold_labels"]) == ("unsure_label", [""] * 4 + ["negative"])


@pytest.mark.parametrize("action", ["none", "drop"])
def test_texts_are_labelled_whatever_happens_to_candidates(model, set_params, action):
    set_params({"labelling.action": action})
    main()
    assert len(written()[0]) > 30


def test_without_texts_no_model_is_opened(model, monkeypatch):
    def fail(_):
        raise AssertionError

    monkeypatch.setattr("stages.label.open_model", fail)
    write_rows(paths.UNLABELLED, [])
    main()
    assert written() == ([], [])
