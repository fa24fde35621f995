import re
import time
import zlib
from collections import Counter

import numpy as np
import pytest

from labelmint.core import paths
from labelmint.core.cache import clear
from labelmint.core.errors import DataError
from labelmint.core.records import read_json, read_rows, write_rows
from stages.filter import main as run_filter
from stages.generate import main as generate
from stages.top_up import main
from tests.fake_model import FakeModel
from tests.stages.writer import Scripted

OUTPUTS = [
    "data/synthetic/top_up_candidates.jsonl",
    "data/synthetic/top_up_prompts.jsonl",
    "metrics/top_up.json",
]


@pytest.fixture(autouse=True)
def _small(prepared, set_params):
    set_params(
        {
            "generate.candidates": 80,
            "generate.demonstrations": 3,
            "generate.samples_per_prompt": 10,
            "generate.prompts_per_wave": 2,
            "generate.max_new_tokens": 32,
            "top_up.max_candidates": 2000,
            "top_up.max_rounds": 10,
            "filter.min_words": 3,
            "filter.rows_per_label": 100,
            "labelling.action": "drop",
            "labelling.scorers": ["llm"],
            "labelling.min_margin": 0.0,
        }
    )


@pytest.fixture
def use(open_with):
    """Return use(model): let the stages open it."""
    return lambda model: open_with(model, "stages.generate", "stages.top_up", "stages.filter")


@pytest.fixture
def run(use, set_params):
    """Return run(model, settings): run `generate` and `top_up`."""

    def run(model, settings=None):
        use(model)
        set_params(settings or {})
        generate()
        main()
        return model

    return run


def written(project):
    """Return what the stage wrote, times aside."""
    files = {name: project / name for name in OUTPUTS if (project / name).exists()}
    return {name: re.sub(rb'"seconds": [0-9.]+', b"", file.read_bytes()) for name, file in files.items()}


def metrics(stage="top_up"):
    return read_json(paths.METRICS / f"{stage}.json")


def kept():
    return Counter(row["judged_label"] for row in read_rows(paths.KEPT))


def test_every_label_gets_exactly_the_number(use, capsys):
    use(Scripted(negative=0.4, positive=0.9))
    generate()
    capsys.readouterr()
    main()
    captured = capsys.readouterr()
    rounds = range(1, len(metrics()["rounds"]))
    assert captured.out == ""
    assert all(f"top_up round {number}: 100%" in captured.err for number in rounds)
    run_filter()
    assert kept() == {"negative": 100, "positive": 100}
    report = metrics()
    assert (report["short"], report["missing"]) == ({}, 0)
    assert metrics("filter")["missing"] == {}


def test_the_metrics_count_what_filter_accepts_and_ids_and_seeds_continue(run):
    model = run(Scripted(negative=0.4, positive=0.9))
    report, more = metrics(), read_rows(paths.TOP_UP_CANDIDATES)
    assert report["wanted"] == {"negative": 100, "positive": 100}
    assert report["rounds"][0]["candidates"] == {"negative": 40, "positive": 40}
    assert report["added"] == len(more)
    # 250 + 111 at least, the overshoot of the rounds apart.
    assert report["candidates"] == 80 + len(more) < 600
    labels = Counter(row["label"] for row in more)
    assert labels == sum((Counter(each["candidates"]) for each in report["rounds"][1:]), Counter())
    rows = read_rows(paths.CANDIDATES) + more
    assert [row["id"] for row in rows] == [f"s{number:06d}" for number in range(len(rows))]
    assert len({row["seed"] for row in rows}) == len(rows)
    ids = [prompt["id"] for prompt in read_rows(paths.PROMPTS) + read_rows(paths.TOP_UP_PROMPTS)]
    assert len(set(ids)) == len(ids)
    assert {row["prompt_id"] for row in rows} == set(ids)
    scored = model.texts_scored
    run_filter()
    assert model.texts_scored == scored, "filter takes the scores that top_up left in the cache"
    surplus = Counter(row["label"] for row in read_rows(paths.REJECTED) if row["rule"] == "surplus")
    assert kept() + surplus == report["rounds"][-1]["accepted"]


def test_the_seconds_are_those_of_writing_also_of_what_a_stopped_run_wrote(run, monkeypatch):
    write_wave = Scripted.write_wave

    def slow(model, *arguments):
        time.sleep(0.1)
        return write_wave(model, *arguments)

    monkeypatch.setattr(Scripted, "write_wave", slow)
    model = run(Scripted(negative=0.4, positive=0.9))
    waves = model.waves_written - 4  # those of `generate`
    seconds = metrics()["seconds"]
    assert waves > 4
    assert seconds > 0.1 * waves - 0.05
    main()
    assert metrics()["seconds"] == seconds


def test_more_candidates_of_generate_would_have_been_the_same(run, set_params):
    """The rounds go on where `generate` stopped, so in balance they write what it would have."""
    run(Scripted(negative=1.0, positive=1.0), {"filter.rows_per_label": 50})
    rows = read_rows(paths.CANDIDATES) + read_rows(paths.TOP_UP_CANDIDATES)
    assert len(rows) > 80
    set_params({"generate.candidates": len(rows)})
    generate()
    assert read_rows(paths.CANDIDATES) == rows


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        ({"top_up.max_candidates": 170}, "top_up.max_candidates=170 allow no further wave"),
        ({"top_up.max_rounds": 0}, "top_up.max_rounds=0 are over"),
        ({"top_up.max_candidates": 10}, "top_up.max_candidates=10 allow no further wave"),
    ],
)
def test_a_spent_budget_leaves_labels_short_and_says_why(run, budget, reason):
    run(Scripted(negative=0.4, positive=0.9), budget)
    report = metrics()
    short = report["short"]["negative"]
    assert short["missing"] == 100 - short["accepted"] > 0
    assert short["accepted"] + sum(short["rejected"].values()) == short["candidates"]
    assert short["reason"].startswith(f"{reason}; of {short['candidates']} candidates written for it: ")
    assert f"{short['rejected']['wrong_label']} wrong_label" in short["reason"]
    assert report["missing"] == sum(each["missing"] for each in report["short"].values())
    assert report["candidates"] <= max(80, budget.get("top_up.max_candidates", 160))
    run_filter()
    assert metrics("filter")["missing"] == {name: each["missing"] for name, each in report["short"].items()}
    assert kept()["negative"] == short["accepted"]


def test_a_label_that_is_never_accepted_is_given_up(run):
    run(Scripted(positive=0.9))
    report = metrics()
    assert list(report["short"]) == ["negative"]
    short = report["short"]["negative"]
    reason = "the last two rounds that asked for it brought no accepted row; of"
    written_for = f"{short['candidates']} candidates written for it: {short['candidates']} cut_off"
    assert short["reason"] == f"{reason} {written_for}"
    asked = [each["candidates"]["negative"] for each in report["rounds"]]
    assert asked[0] == 40
    assert sum(asked) <= 180  # at most doubled twice
    assert report["rounds"][-1]["accepted"]["positive"] >= 100


def test_off_writes_empty_files_and_opens_nothing(use, set_params, monkeypatch):
    use(FakeModel())
    generate()
    set_params({"filter.rows_per_label": 0})
    monkeypatch.setattr("stages.top_up.open_model", lambda llm: 1 / 0)
    main()
    assert read_rows(paths.TOP_UP_CANDIDATES) == read_rows(paths.TOP_UP_PROMPTS) == []
    report = metrics()
    assert (report["added"], report["missing"], report["rounds"]) == (0, 0, [])


def test_enough_accepted_rows_need_no_round(use, set_params):
    model = use(Scripted(negative=0.9, positive=0.9))
    set_params({"filter.rows_per_label": 20})
    generate()
    wrote = model.waves_written
    main()
    assert model.waves_written == wrote
    assert read_rows(paths.TOP_UP_CANDIDATES) == []
    assert len(metrics()["rounds"]) == 1


@pytest.mark.parametrize(
    ("settings", "numbers"),
    [
        ({"class_balance": {"negative": 0.8, "positive": 0.2}}, {"negative": 160, "positive": 40}),
        ({"labelling.action": "relabel"}, {"negative": 100, "positive": 100}),
        ({"labelling.action": "none"}, {"negative": 100, "positive": 100}),
    ],
)
def test_the_numbers_are_those_of_the_class_balance_whatever_the_labelling(run, settings, numbers):
    model = run(Scripted(negative=0.4, positive=0.9), settings)
    assert metrics()["wanted"] == numbers
    run_filter()
    assert kept() == numbers
    assert (metrics("filter")["relabelled"] > 0) == (settings.get("labelling.action") == "relabel")
    assert (model.texts_scored == 0) == (settings.get("labelling.action") == "none")


@pytest.mark.parametrize("calls", [0, pytest.param(8, marks=pytest.mark.slow)])
def test_a_stopped_run_resumes_and_writes_the_same_bytes(prepared, use, calls):
    use(Scripted(negative=0.3, positive=0.9))
    generate()
    use(Scripted(left=calls, negative=0.3, positive=0.9))
    with pytest.raises(KeyboardInterrupt):
        main()
    assert written(prepared) == {}
    model = use(Scripted(negative=0.3, positive=0.9))
    main()
    resumed, rest = written(prepared), model.left
    for kind in ("generate", "label", "embed"):
        clear(kind)
    model = use(Scripted(negative=0.3, positive=0.9))
    main()
    assert written(prepared) == resumed
    assert rest - model.left == calls, "what was finished was done again"


def test_candidates_of_other_settings_are_an_error(prepared, use):
    use(Scripted(negative=0.4, positive=0.9))
    generate()
    write_rows(paths.CANDIDATES, read_rows(paths.CANDIDATES)[:-1])
    with pytest.raises(DataError, match=r"candidates\.jsonl: 79 rows, and params\.yaml asks for 80 "):
        main()
    assert written(prepared) == {}


def test_the_numbers_are_exact_with_rules_that_compare_rows(run, monkeypatch):
    def embed_rows(config, rows, on_rows=None):
        # By the first word's last digit: texts of one digit and opinion mean the same.
        vectors = np.zeros((len(rows), 200), np.float32)
        for place, row in enumerate(rows):
            vectors[place, zlib.crc32(row["text"].encode()) % 100 + 100 * ("awful" in row["text"])] = 1
        return vectors

    monkeypatch.setattr("labelmint.rules.filtering.embed_rows", embed_rows)
    run(
        Scripted(negative=0.6, positive=0.9), {"filter.semantic_similarity": 0.9, "filter.rows_per_label": 50}
    )
    run_filter()
    assert kept() == {"negative": 50, "positive": 50}
    rules = Counter(row["rule"] for row in read_rows(paths.REJECTED))
    assert rules["semantic_duplicate"]
    assert sum(kept().values()) + rules["surplus"] == sum(metrics()["rounds"][-1]["accepted"].values())
