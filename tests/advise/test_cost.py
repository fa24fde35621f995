from dataclasses import replace
from types import SimpleNamespace

import pytest

from labelmint.advise.cost import Work, step_lines, steps, work_of
from labelmint.advise.speed import Speeds, reads_labels
from labelmint.core.params import load_params

WORK = Work(train=100, pool=8000, test=1000, unlabelled=2000, candidates=1152, synthetic=576, labelled=1000)
SPEEDS = Speeds(
    tokens_per_text=25,
    tokens_per_s=200,
    read_start_s=1,
    read_text_s=0.05,
    embed_text_s={"mpnet-base-v2": 0.01, "minilm-l6-v2": 0.002},
)


@pytest.fixture
def seconds(project, set_params):
    """Return seconds(settings): the forecast by stage."""

    def forecast(settings=None, work=WORK, speeds=SPEEDS):
        set_params({"arms": {"real": {"real": "all"}}, "train.student": "linear_head", **(settings or {})})
        return {step.name: step.seconds for step in steps(load_params(), work, speeds)}

    return forecast


def test_writing_takes_what_its_tokens_take(seconds):
    assert seconds()["generate"] == pytest.approx(1152 * 25 / 200, abs=10)


def test_twice_the_speed_takes_half_the_time(seconds):
    quick = Speeds(25, 400, 0.5, 0.025, {name: each / 2 for name, each in SPEEDS.embed_text_s.items()})
    slow, fast = seconds(), seconds(speeds=quick)
    for name in ("generate", "label", "filter"):
        assert fast[name] == pytest.approx(slow[name] / 2, abs=10)


def test_what_is_not_labelled_or_scored_takes_no_time(seconds):
    assert "label" not in seconds(work=replace(WORK, unlabelled=0))
    scored = seconds()["filter"]
    assert seconds({"labelling.action": "none"})["filter"] < scored - 50


@pytest.mark.parametrize(("action", "synthetic"), [("relabel", 192), ("none", 384)])
def test_texts_without_a_clear_label_are_not_kept_and_candidates_only_if_they_are_scored(
    project, set_params, action, synthetic
):
    set_params({"labelling.action": action, "generate.candidates": 300})  # two waves of 192
    split = SimpleNamespace(train=[1], pool=[], test=[])
    data = SimpleNamespace(split=split, unlabelled=SimpleNamespace(rows=[1] * 100))
    work = work_of(load_params(), data, clear=0.5)
    assert (work.candidates, work.synthetic, work.labelled) == (384, synthetic, 50)


def test_arms_that_the_rows_cannot_fill_take_no_time(seconds):
    arms = {"real": {"real": "all"}}
    more = {**arms, "huge": {"real": 9000}, "made": {"synthetic": 600}}
    assert seconds({"arms": more})["train"] == seconds({"arms": arms})["train"]


def test_fine_tuning_takes_longest_and_more_seeds_take_longer(seconds):
    def arm(**changes):
        return seconds({"arms": {"made": {"synthetic": "all", **changes}}})["train"]

    assert arm(student="linear_head") < arm(student="fine_tune", seeds=1) < arm(student="fine_tune", seeds=3)
    assert arm(student="tfidf") < arm(student="linear_head")
    assert arm(student="fine_tune", encoder="minilm-l6-v2") < arm(student="fine_tune") / 2


def test_the_total_is_the_sum_and_top_up_comes_on_top(project, set_params):
    set_params({"filter.rows_per_label": 500, "top_up.max_candidates": 20_000})
    params = load_params()
    result = steps(params, WORK, SPEEDS)
    lines = [*step_lines(params, result)]
    assert f"{sum(step.seconds for step in result) / 60:.1f} min" in lines[-2]
    assert lines[-1].startswith("top_up may write up to ")


def test_texts_to_label_are_read_though_candidates_are_not_scored(project, set_params):
    set_params(
        {"arms": {"real": {"real": "all"}}, "train.student": "linear_head", "labelling.action": "none"}
    )
    set_params({"prepare.unlabelled_rows": 10})
    assert reads_labels(load_params())
    set_params({"prepare.unlabelled_rows": 0})
    assert not reads_labels(load_params())
