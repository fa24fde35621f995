import json
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.reliability import __main__ as command
from experiments.reliability import fuzz, load
from experiments.reliability.page import page
from labelmint.core.params import load_params
from labelmint.core.records import write_json

FAULTS = {
    "kill": {
        "kills": 50,
        "broken_locks": 1,
        "stages": 12,
        "results": 20,
        "different_results": [],
        "left_over_files": ["a.tmp"],
        "up_to_date": True,
    },
    "sigint": {"sent": 12, "wrong": [], "outputs_changed": False},
    "sigterm": {"sent": 12, "wrong": [{}], "outputs_changed": False},
    "disk_full": None,
}


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_broken_files_are_read_or_refused_in_one_line(project, monkeypatch, target):
    monkeypatch.setattr(fuzz, "TARGETS", {target: fuzz.TARGETS[target]})
    result = fuzz.run_fuzz(150)[target]
    assert result["failures"] == []
    assert result["read"] >= 10
    assert result["refused"] >= 10


def test_a_traceback_and_a_lost_row_are_told(monkeypatch, project):
    def lose(draw, folder):
        assert not draw.random() < 0.5, "other rows"

    monkeypatch.setattr(fuzz, "TARGETS", {"tables": lose})
    result = fuzz.run_fuzz(40)["tables"]
    assert 5 < result["failed"] < 35
    assert "other rows" in result["failures"][0]


@pytest.mark.parametrize("part", ["filter", "label", "write", "memorisation"])
def test_each_part_of_the_load_does_its_work(prepared, part):
    assert load.run(part, 60)["peak_mb"] > 10


@pytest.mark.slow
def test_training_is_measured_on_data_of_its_own(prepared):
    Path("data").rename("theirs")
    Path("data").symlink_to("theirs")
    assert load.run("train", 40)["peak_mb"] > 10
    assert Path("theirs/real/train.jsonl").is_file()


@pytest.mark.slow
def test_growth_is_of_the_last_two_sizes(prepared, monkeypatch):
    part = replace(load.PARTS["memorisation"], sizes=(20, 200))
    monkeypatch.setattr(load, "PARTS", {"memorisation": part})
    result = load.measure(load_params())["memorisation"]
    assert list(result["rows"]) == ["20", "200"]
    assert isinstance(result["growth"], float)


def test_texts_for_the_load_repeat_each_other_now_and_then():
    rows = [
        {"id": str(at), "text": " ".join(f"w{at * 7 % 90 + step}" for step in range(8))} for at in range(99)
    ]
    made = list(load.texts(rows, 2000))
    assert made == list(load.texts(rows, 2000))
    assert 0.4 < len(set(made)) / len(made) < 0.99


def test_parts_are_run_by_name_and_the_page_shows_all_there_is(project, monkeypatch):
    cost = {"seconds": 90.0, "peak_mb": 812.4}
    write_json(
        command.METRICS, {"load": {"filter": {"rows": {"1000": cost, "100000": cost}, "growth": 1.04}}}
    )
    fuzzed = {
        "inputs": 100_000,
        "json_lines": {"read": 60_000, "refused": 40_000, "failed": 0, "failures": []},
    }
    monkeypatch.setattr(command, "PARTS", {"faults": dict, "fuzz": lambda: fuzzed, "load": dict})
    command.main(["fuzz"])
    text = command.PAGE.read_text(encoding="utf-8")
    assert json.loads(command.METRICS.read_text(encoding="utf-8"))["fuzz"] == fuzzed
    assert "| json lines | 60,000 | 40,000 | 0 |" in text
    assert "| 100,000 | 90.0 | 812 | 1.04 |" in text
    assert "Not measured yet: `python -m experiments.reliability faults`" in text


def test_faults_are_told_in_words():
    text = page({"faults": FAULTS})
    assert "at 50 random moments of 12 stage runs" in text
    assert "none differ" in text
    assert "1 of the kills left half of one" in text
    assert "`a.tmp`" in text
    assert "SIGTERM to 12 running stages: 1 did not" in text
