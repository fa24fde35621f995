"""Methods of papers against the plain way, from end to end with a scripted model and a tiny encoder."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from experiments import sources
from experiments.methods import __main__ as methods
from experiments.methods import forgetting, order, patterns, rounds, rows, segments, shown, weights
from labelmint.core.params import load_params
from labelmint.core.records import ArmRow, write_json
from labelmint.students.base import Setting
from tests.builders import card, reviews, with_folds
from tests.experiments.test_sources import reader
from tests.fake_model import FakeModel


@pytest.fixture
def small(prepared, set_params, tiny_encoder, open_with, constants):
    """Measure on one tiny task; return the page's path."""
    set_params({"generate.samples_per_prompt": 10, "generate.prompts_per_wave": 2})
    set_params({"evaluate.bootstrap_samples": 100, "labelling.demonstrations": 4})
    constants(sources)(STUDENTS={"tiny": ("tiny", "linear_head")}, CANDIDATES=120)
    constants(rows, weights, patterns)(SEEDS=[1, 2], STUDENT="tiny")
    page = prepared / "methods.md"
    constants(methods)(TASKS=["tiny"], PAGE=page)

    modules = (f"experiments.methods.{name}" for name in ("rows", "rounds", "segments"))
    open_with(FakeModel(reader=reader), *modules)
    return page


@pytest.mark.slow
def test_the_results_and_the_page(small, monkeypatch):
    methods.main()
    result = json.loads((methods.RESULTS / "tiny.json").read_text(encoding="utf-8"))
    for name in rows.ROWS:
        of = result["weights"][name]
        assert set(of) == {*weights.WEIGHTS, rows.REAL, weights.FILTERED}
        made = of["plain"]["train_rows"] - 20
        assert of["plain"]["gain"] == {}
        assert of["imp"]["weighting"]["made_rows"] == made
        assert of["imp"]["weighting"]["effective_rows"] < made
        assert of["imp, at most 5"]["weighting"]["largest"] <= 5
        assert 20 < of["filtered"]["train_rows"] <= of["plain"]["train_rows"]
        difference = of["dimp"]["accuracy"]["mean"] - of["plain"]["accuracy"]["mean"]
        assert of["dimp"]["gain"]["accuracy"] == pytest.approx(difference, abs=2e-4)
        ordered = result["order"]["tiny, linear head"][name]
        assert ordered["plain"]["accuracy"] == of["plain"]["accuracy"]
        assert ordered["real last"]["train_rows"] == of["plain"]["train_rows"]
        forgot = result["forgetting"]["tiny, linear head"][name]
        assert forgot["plain"]["accuracy"] == of["plain"]["accuracy"]
        assert forgot[forgetting.CHOSEN]["train_rows"] == of["plain"]["train_rows"]
        assert 20 < forgot[forgetting.LEFT_OUT]["train_rows"] < of["plain"]["train_rows"]
        assert set(forgot[forgetting.CHOSEN]["strengths"]) <= set(forgetting.STRENGTHS)
    assert all(len(of["accuracy"]) == 4 for of in result["patterns"]["students"].values())
    for part, names in (
        ("rounds", [rounds.FAILURES]),
        ("segments", [segments.DIFFICULTY, segments.CLUSTERS]),
    ):
        for of in result[part]["sets"].values():
            assert set(of) == {rows.REAL, rows.PLAIN, shown.AGAIN, *names}
            assert all(0 < of[name]["kept"] <= 40 for name in (rows.PLAIN, shown.AGAIN, *names))
    found = result["rounds"]["found"]
    assert found["real"] == 20
    assert 0 < found["accepted"] <= 20
    text = small.read_text(encoding="utf-8")
    assert text.count("| tiny | as written |") == text.count("| tiny | checked |") == 7 + 4 + 5
    assert text.count("| tiny, linear head |") == 6 + 8
    # Parts that are there are not computed again, one that is missing is.
    for part in methods.PARTS.keys() - {"patterns"}:
        monkeypatch.setattr(methods.PARTS[part], "run", None)
    del result["patterns"]
    write_json(methods.RESULTS / "tiny.json", result)
    methods.main()
    assert small.read_text(encoding="utf-8") == text


def test_a_head_goes_from_the_start_to_the_rows_own_as_the_penalty_falls():
    draw = np.random.default_rng(1)
    features, labels = draw.normal(size=(60, 3)), draw.integers(0, 3, 60)
    start = np.ones((3, 3)), np.zeros(3)
    held = order.adapted(features, labels, start, 1e9)[0]
    assert held == pytest.approx(start[0], abs=1e-4)
    # From zero with penalty 1 / C it is logistic regression.
    zero = np.zeros((3, 3)), np.zeros(3)
    weight, bias = order.adapted(features, labels, zero, 0.5)
    plain = LogisticRegression(C=2.0, tol=1e-8, max_iter=1000).fit(features, labels)
    assert weight == pytest.approx(plain.coef_, abs=1e-3)
    assert bias - bias.mean() == pytest.approx(plain.intercept_ - plain.intercept_.mean(), abs=1e-3)


def test_patterns_are_of_the_surface_alone():
    found = patterns.surface("The film, is GOOD!", ["the film,", "a plot"])
    assert found["opening “the film,”"] == 1
    assert found["opening “a plot”"] == 0
    assert found["commas"] == found["exclamation marks"] == 0.25
    assert found["a capital first"] == found["a mark last"] == 1
    assert patterns.surface("", [])["words"] == 0


def test_a_forgetful_head_is_unsure_of_these_texts(tiny_encoder):
    names = card().label_names
    sources = {"real": reviews(dict.fromkeys(names, 10)), "synthetic": reviews(dict.fromkeys(names, 10), 50)}
    rows = with_folds([ArmRow(**row, source=source) for source, of in sources.items() for row in of])
    asked = rows[30:]
    setting = Setting(load_params(), card())

    def sure(strength):
        student = forgetting.HeadForgetting(setting, {row["text"] for row in asked}, strength)
        student.fit(rows, 1)
        return student.predict_proba(asked).max(axis=1).mean()

    assert 0.5 <= sure(100.0) < sure(1.0) < sure(0.0)
    student = forgetting.HeadForgetting(setting, {row["text"] for row in asked})
    student.fit(rows, 1)
    assert student.chosen[0] in forgetting.STRENGTHS


def test_a_fine_tuned_encoder_forgets_after_training(tiny_encoder):
    names = card().label_names
    rows = [ArmRow(**row, source="real") for row in reviews(dict.fromkeys(names, 8))]
    trained = []
    student = forgetting.FineTunedForgetting(Setting(load_params(), card()), {rows[0]["text"]}, 0.5)
    student._train = lambda used, *_: trained.append(len(used))
    student.fit(rows, 1)
    student.strength = 0.0
    student.fit(rows, 1)  # the plain model is trained once
    assert trained == [16, 16 + 2]
