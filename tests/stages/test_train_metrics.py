"""How an arm's student was trained: which was chosen, its speed, and the weights of the sources."""

import time

import numpy as np
import pytest

from labelmint.core import paths
from labelmint.core.errors import DataError, ModelError
from labelmint.core.records import read_json, read_rows, write_rows
from labelmint.students.loading import load_student
from stages import train as stage
from stages.train import main
from tests.builders import OPINIONS, reviews, with_folds
from tests.fake_model import FakeModel

pytestmark = pytest.mark.usefixtures("small")


def metrics(arm="real"):
    return read_json(paths.METRICS / "train" / f"{arm}.json")


@pytest.mark.slow
def test_the_metrics_tell_how_it_was_trained(set_params):
    set_params({"train.student": "auto", "train.students": ["fine_tune", "linear_head"]})
    main("real")
    summary = metrics()
    assert (summary["validation_rows"], summary["precision"]) == (20, "fp32")
    assert set(summary["validation"]) == {"linear_head", "fine_tune"}
    best = max(summary["validation"].values(), key=lambda scores: scores["accuracy"])
    assert summary["validation"][summary["chosen"]]["accuracy"] == best["accuracy"]


def test_points_of_the_real_learning_curve_are_predicted_but_not_kept():
    for arm, kept in (("real_30", False), ("few", True)):
        main(arm)
        assert len(read_rows(paths.predictions(arm))) >= 40
        assert (metrics(arm)["texts_per_s"] is not None) == kept
        assert (paths.model(arm) / "student.json").is_file() == kept
    with pytest.raises(ModelError, match="its student was not kept"):
        load_student(paths.model("real_30"))


def test_the_speed_is_that_of_reading_and_not_of_the_cache(monkeypatch):
    """A model that takes 4 ms for a text labels at most 250 a second, cached or not."""
    score = FakeModel.score

    def slow(model, prefix, suffixes, choices):
        time.sleep(0.004 * len(suffixes))
        return score(model, prefix, suffixes, choices)

    monkeypatch.setattr(FakeModel, "score", slow)
    for _ in range(2):
        main("llm")
        assert 10 < metrics("llm")["texts_per_s"] <= 250


def test_a_fast_student_is_timed_on_more_texts_that_it_has_not_read(monkeypatch):
    timed, measure = [], stage._timed

    def watched(classifier, inputs):
        timed.append({row["id"] for row in inputs})
        return measure(classifier, inputs)

    monkeypatch.setattr(stage, "_timed", watched)
    monkeypatch.setattr(stage, "_TIMED_TEXTS", 8)
    monkeypatch.setattr(stage, "_MORE_TEXTS", 16)
    main("few")
    first, more = timed
    assert (len(first), len(more), first & more) == (8, 16, set())
    monkeypatch.setattr(stage, "_ENOUGH_SECONDS", 0.0)
    main("few")
    assert len(timed) == 3  # no second measurement of a slow one


def test_sources_are_weighed_by_cross_validation_and_none_that_misleads_is_learnt_from(monkeypatch):
    """Synthetic rows bear the wrong label, labelled ones the right one; the test labels are not there."""
    other = {"negative": "positive", "positive": "negative"}
    rows = [{**row, "source": "real"} for row in reviews({"negative": 10, "positive": 10}, first=100)]
    made = reviews({"negative": 40, "positive": 40}, first=200)
    rows += [
        {**row, "id": f"s{row['id']}", "source": "synthetic", "label": other[row["label"]]} for row in made
    ]
    rows += [{**row, "id": f"u{row['id']}", "source": "unlabelled"} for row in made]
    write_rows(paths.arm_rows("more"), with_folds(rows))
    write_rows(paths.unclear_rows("more"), [])
    paths.TEST_LABELS.unlink()
    monkeypatch.setattr("labelmint.students.weighting.embed_by_source", by_opinion)
    main("more")
    result = metrics("more")
    assert (result["real"], result["synthetic"], result["unlabelled"]) == (20, 80, 80)
    assert (result["weights"]["real"], result["weights"]["synthetic"]) == (1, 0)
    assert result["weights"]["unlabelled"] > 0
    assert len(result["weights_tried"]) == 9


def by_opinion(config, rows):
    """Return vectors that tell the opinion, with some noise."""
    good = [any(word in row["text"] for word in OPINIONS["positive"]) for row in rows]
    draw = np.random.default_rng(1)
    return (np.array(good)[:, None] + draw.normal(0, 0.5, (len(rows), 4))).astype(np.float32)


def test_unclear_rows_make_a_student_less_sure_and_are_no_training_rows():
    """While a fold is held out they bear the wrong label."""
    other = {"negative": "positive", "positive": "negative"}
    real, made, unclear = (
        [{**row, "source": source} for row in reviews({"negative": each, "positive": each}, first=first)]
        for source, each, first in (("real", 20, 100), ("synthetic", 10, 200), ("synthetic", 30, 300))
    )
    write_rows(paths.arm_rows("tfidf"), with_folds([*real, *made]))
    sure = []
    for more in ([], [{**row, "label": "", "fold_labels": [other[row["label"]]] * 5} for row in unclear]):
        write_rows(paths.unclear_rows("tfidf"), more)
        main("tfidf")
        sure.append(
            np.mean([max(row["probabilities"].values()) for row in read_rows(paths.predictions("tfidf"))])
        )
        assert (metrics("tfidf")["train_rows"], metrics("tfidf")["synthetic"]) == (60, 20)
    assert sure[1] < sure[0] - 0.02
    write_rows(
        paths.unclear_rows("tfidf"), [{**unclear[0], "label": "", "fold_labels": ["mixed", *[""] * 4]}]
    )
    with pytest.raises(DataError, match=r"labels \['mixed'\] are not the task's"):
        main("tfidf")
