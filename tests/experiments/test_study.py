"""The study from end to end, with a scripted model and a tiny encoder; its page from cells made by hand."""

import json

import numpy as np
import pytest

from experiments import grid
from experiments.study import __main__ as command
from experiments.study import findings, page, run
from experiments.study.page import gain, with_gains
from labelmint.core.errors import DataError
from tests.fake_model import FakeModel

METHODS = ["few_shot", "zero_shot"]  # of the cells made by hand


@pytest.fixture
def small(constants):
    """Return small(name=value, ...): change the grid's constants wherever they were imported."""
    return constants(grid, run, page, findings, command)


@pytest.fixture
def study(prepared, set_params, tiny_encoder, small, open_with, monkeypatch):
    """Make a study of one tiny task and two methods."""
    set_params({"generate.samples_per_prompt": 10, "generate.prompts_per_wave": 2})
    set_params({"evaluate.bootstrap_samples": 100, "labelling.demonstrations": 4})
    small(TASKS=["tiny"], METHODS=["few_shot"], PARTS=["real", "few_shot"], REAL_ROWS=(20, 40), TEST_ROWS=40)
    small(SYNTHETIC_ROWS=30, CANDIDATES_PER_ROW=4)
    monkeypatch.setattr(page, "PAGE", prepared / "study.md")

    open_with(FakeModel(), "experiments.study.run", "labelmint.students.llm")


def read(part):
    return json.loads(page.result_path("tiny", part).read_text(encoding="utf-8"))


def test_the_parts_and_the_page(study, set_params, capsys):
    command.main()
    real, written = read("real")["cells"], read("few_shot")["cells"]
    assert [(cell["arm"], cell["real_rows"]) for cell in real] == [("real", 20), ("real", 40), ("llm", 20)]
    assert real[2]["demonstrations"] == 4
    assert [cell["arm"] for cell in written] == ["synthetic", "mixed_20", "mixed_40"]
    for cell in written:
        assert [len(row) for row in cell["right"]] == [40] * 3
        assert cell["candidates"] == 120 >= cell["kept"] > 30
        assert (cell["synthetic_rows"], cell["method"]) == (30, "few_shot")
        mean = sum(row.count("1") for row in cell["right"]) / 120
        assert cell["accuracy"]["mean"] == pytest.approx(mean, abs=1e-4)
    assert page.PAGE.read_text(encoding="utf-8").count("| few_shot |") == 1

    # What is there with the same settings is skipped, and other settings make it anew.
    capsys.readouterr()
    command.main()
    assert "study: tiny" not in capsys.readouterr().err
    set_params({"labelling.demonstrations": 2})
    command.run_part("tiny", "real")
    assert read("real")["cells"][2]["demonstrations"] == 2


def test_a_task_with_too_few_rows_is_an_error(study, small):
    small(REAL_ROWS=(20, 5000))
    with pytest.raises(DataError, match="it needs 5000 real rows, and there are 80"):
        command.run_part("tiny", "real")


def test_a_gain_is_paired_and_relative_to_the_real_rows_alone():
    base = {"right": ["1010" * 50] * 3}
    better = {"right": ["1011" * 50] * 3}  # right wherever the base is, and on a quarter more
    difference = gain(better, base)
    assert (difference["accuracy"], difference["relative"]) == (0.25, 0.5)
    assert 0.15 < difference["ci_low"] < 0.25 < difference["ci_high"] < 0.35
    # Of two that are right on the same rows nothing differs, however the rows are drawn.
    assert gain(base, base) == {"accuracy": 0.0, "ci_low": 0.0, "ci_high": 0.0, "relative": 0.0}


def cell(task, method, arm, real, hundredths, **more):
    right = "1" * hundredths + "0" * (100 - hundredths)
    mean = float(np.mean([int(hit) for hit in right]))
    score = {"mean": mean, "sd": 0.0, "ci_low": mean - 0.05, "ci_high": mean + 0.05}
    cell = {"task": task, "method": method, "arm": arm, "real_rows": real}
    return {**cell, "accuracy": score, "right": [right] * 3, **more}


@pytest.fixture
def cells(small):
    """Return cells in which few_shot gains 10 of 50 on films and loses 5 of 60 on news; zero_shot gains 2."""
    small(TASKS=["films", "news"], METHODS=METHODS, REAL_ROWS=(10, 20))
    made = []
    for task, base in (("films", 50), ("news", 60)):
        made += [cell(task, "real", "real", size, base + size - 10) for size in (10, 20)]
        made.append(cell(task, "llm", "llm", 10, base + 10, demonstrations=16))
        for method in METHODS:
            few = (10 if task == "films" else -5) if method == "few_shot" else 2
            sizes = {"candidates": 90, "kept": 60}
            made.append(cell(task, method, "synthetic", 0, 58, **sizes))
            made.append(cell(task, method, "mixed_10", 10, base + few, **sizes))
            made.append(cell(task, method, "mixed_20", 20, base + 10, **sizes))
    return with_gains(made)


def test_the_findings_say_what_the_cells_do(cells):
    text = findings.findings(cells)
    # films: 60 > 58, 52 < 58; news: 55 < 58, 62 > 58.
    assert (
        "in 2 of 4 pairs of task and method (10 real rows added); not for films zero_shot, news few_shot."
        in text
    )
    assert "*Gain at 10 real rows* (the paper: +3 to +26 %): -8.3 to +20.0 %, median +3.7 %" in text
    assert "surely a gain in 1 of 4, surely a loss in 1." in text
    assert "*Gain at 20 real rows* (the paper: under 5 %): +0.0 to +0.0 %" in text
    assert "*Best method with 10 real rows*: films: few_shot (60.0), news: zero_shot (62.0)." in text
    assert "over 4 pairs of task and method, but only 2 tasks: too few to tell." in text


def test_the_page_has_a_row_for_each_method(cells):
    text = page.page(cells)
    assert text.count("| few_shot | as written | 60 of 90 | 58.0 (53.0–63.0) |") == 2
    assert "Real rows alone: 10: 50.0 (45.0–55.0); 20: 60.0 (55.0–65.0)." in text
    assert "The LLM itself, shown 16 real rows: 60.0" in text
    assert "| 60.0 (55.0–65.0) | +10.0 (" in text
    assert "| 55.0 (50.0–60.0) | -5.0 (" in text
