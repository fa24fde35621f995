"""The study's rows, table and findings, from rows and cells made by hand."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.study.findings import findings
from experiments.study.grid import load_grid, subset
from experiments.study.table import compare, gain, hits, page
from labelmint.core.errors import DataError
from tests.builders import REPOSITORY, labelled_rows

NAMES = ["negative", "positive"]


@pytest.fixture
def grid(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    changes = {"tasks": ["films", "news"], "methods": ["few_shot", "zero_shot"], "checks": ["none"]}
    return load_grid().model_copy(update={**changes, "real_rows": [10, 20], "worth_tasks": []})


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 70), st.integers(0, 5))
def test_a_subset_is_balanced_as_far_as_the_labels_go_and_drawn_by_the_seed(negative, positive, size, seed):
    rows = labelled_rows({"negative": negative, "positive": positive})
    if not rows:
        with pytest.raises(DataError, match="no accepted rows"):
            subset(rows, NAMES, size, seed)
        return
    taken = subset(rows, NAMES, size, seed)
    counts = Counter(row["label"] for row in taken)
    assert taken == subset(rows, NAMES, size, seed)
    assert len(taken) == min(size, len(rows)) == len({row["id"] for row in taken})
    scarce = min(negative, positive, size // 2)
    assert min(counts["negative"], counts["positive"]) >= scarce
    if negative == positive:
        assert abs(counts["negative"] - counts["positive"]) <= 1


def test_other_seeds_draw_other_rows():
    rows = labelled_rows({"negative": 40, "positive": 40})
    draws = {tuple(row["id"] for row in subset(rows, NAMES, 20, seed)) for seed in range(5)}
    assert len(draws) == 5


def test_a_gain_is_paired_and_relative_to_the_real_rows_alone():
    base = hits({"right": ["1010" * 50] * 3})
    own = hits({"right": ["1011" * 50] * 3})  # right wherever the base is, and on a quarter more
    found = gain(own, base)
    assert (found["accuracy"], found["relative"]) == (0.25, 0.5)
    assert 0.15 < found["ci_low"] < 0.25 < found["ci_high"] < 0.35
    assert gain(own, base) == found
    # Of two that are right on the same rows nothing differs, however the rows are drawn.
    assert gain(base, base) == {"accuracy": 0.0, "ci_low": 0.0, "ci_high": 0.0, "relative": 0.0}


def cell(task, method, arm, real, right, **more):
    mean = float(np.mean([int(hit) for hit in right]))
    score = {"mean": mean, "sd": 0.0, "ci_low": mean - 0.05, "ci_high": mean + 0.05}
    own = {"task": task, "method": method, "arm": arm, "check": "none", "real_rows": real, "accuracy": score}
    return {**own, "right": [right] * 3, **more}


def right(hundredths):
    return "1" * hundredths + "0" * (100 - hundredths)


def cells_of(grid):
    """Return cells in which few_shot gains 10 of 50 on films and loses 5 of 60 on news; zero_shot gains 2."""
    found = []
    for task, base in (("films", 50), ("news", 60)):
        found += [cell(task, "real", "real", size, right(base + size - 10)) for size in grid.real_rows]
        llm = {"mean": base / 100 + 0.1, "ci_low": 0.5, "ci_high": 0.9}
        found.append({"task": task, "method": "llm", "arm": "llm", "demonstrations": 16, "accuracy": llm})
        for method in grid.methods:
            few = (10 if task == "films" else -5) if method == "few_shot" else 2
            sizes = {"candidates": 90, "kept": 60}
            found.append(cell(task, method, "synthetic", 0, right(58), **sizes))
            found.append(cell(task, method, "mixed_10", 10, right(base + few), **sizes))
            found.append(cell(task, method, "mixed_20", 20, right(base + 10), **sizes))
    return [compare(each, found) for each in found]


def test_cells_are_compared_with_the_same_number_of_real_rows(grid):
    cells = cells_of(grid)
    assert all("right" not in each for each in cells)
    gains = {(c["task"], c["method"], c["arm"]): c["gain"]["accuracy"] for c in cells if "gain" in c}
    assert gains["films", "few_shot", "mixed_10"] == 0.1
    assert gains["news", "few_shot", "mixed_10"] == -0.05
    assert set(gains.values()) == {0.1, -0.05, 0.02, 0.0}
    assert len(gains) == 8


def test_the_findings_say_what_the_cells_do(grid):
    said = findings(grid, cells_of(grid))
    # films: 60 > 58, 52 < 58; news: 55 < 58, 62 > 58.
    assert (
        "in 2 of 4 pairs of task and method (10 real rows added); not for films zero_shot, news few_shot."
        in said
    )
    assert "*Gain at 10 real rows* (the paper: +3 to +26 %): -8.3 to +20.0 %, median +3.7 %" in said
    assert "surely a gain in 1 of 4, surely a loss in 1." in said
    assert "*Gain at 20 real rows* (the paper: under 5 %): +0.0 to +0.0 %" in said
    assert "*Best method with 10 real rows*: films: few_shot (60.0), news: zero_shot (62.0)." in said
    assert "over 4 pairs of task and method, but only 2 tasks: too few to tell." in said


def test_the_page_has_a_row_for_every_method_and_check(grid):
    text = page(grid, cells_of(grid), [])
    assert text.count("| few_shot | as written | 60 of 90 | 58.0 (53.0–63.0) |") == 2
    assert "Real rows alone: 10: 50.0 (45.0–55.0); 20: 60.0 (55.0–65.0)." in text
    assert "The LLM itself, shown 16 real rows: 60.0" in text
    assert "| 60.0 (55.0–65.0) | +10.0 (" in text
    assert "| 55.0 (50.0–60.0) | -5.0 (" in text
