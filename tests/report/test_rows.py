import dataclasses
import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from labelmint.report.read import read_inputs
from labelmint.report.rows import browser, draw
from labelmint.rules.registry import RULES
from tests.report.helpers import LABELS, kept_rows, labelled_rows, rejected_rows


def groups_of(sizes):
    return {f"g{at}": [{"id": f"{at}-{row:05d}"} for row in range(size)] for at, size in enumerate(sizes)}


@given(st.lists(st.integers(0, 300), min_size=1, max_size=8), st.integers(0, 400))
def test_no_more_than_the_limit_is_drawn_all_are_if_they_fit_and_none_twice(sizes, limit):
    rows = draw({name: rows for name, rows in groups_of(sizes).items() if rows}, limit)
    assert len(rows) == min(limit, sum(sizes))
    assert len({row["id"] for row in rows}) == len(rows)
    assert rows == sorted(rows, key=lambda row: row["id"])


def test_rare_rules_are_shown_whole_and_large_ones_evenly():
    rows = draw(groups_of([10_000, 5, 2_000]), 1_000)
    by_group = [[row for row in rows if row["id"].startswith(f"{at}-")] for at in range(3)]
    assert len(by_group[1]) == 5
    assert len(by_group[0]) > len(by_group[2]) > 100
    drawn = [int(row["id"].split("-")[1]) for row in by_group[0]]
    assert drawn[-1] > 9_900
    assert max(b - a for a, b in pairwise(drawn)) <= 10_000 // len(drawn) + 1


def inputs_with(**changes):
    return dataclasses.replace(read_inputs(), **changes)


def test_a_row_has_what_is_shown_of_it_and_nothing_else(project):
    shown = browser(inputs_with(kept=kept_rows(), rejected=rejected_rows()), LABELS, list(RULES), 5000)
    rows = {row["id"]: row for row in shown["rows"]}
    assert shown["total"] == len(rows) == len(kept_rows()) + len(rejected_rows())
    counts = {"demonstration_copy": 1, "foreign_script": 1, "near_duplicate": 1, "unsure_label": 2}
    assert shown["rules"] == counts
    assert (rows["s000100"]["label"], rows["s000100"]["written"]) == ("positive", "negative")
    assert rows["s000100"]["profile"] == "hard"
    assert rows["s000100"]["scores"] == [0.905, 0.095]
    assert "written" not in rows["s000101"]  # not relabelled
    assert "seed" not in rows["s000101"]
    assert rows["s000202"]["evidence"]["duplicate_of_text"] == "a plain text number zero"


def test_texts_that_came_without_labels_stand_after_the_synthetic_rows(project):
    kept, unsure = labelled_rows()
    inputs = inputs_with(kept=kept_rows(), rejected=rejected_rows(), labelled=kept, unsure=unsure)
    shown = browser(inputs, LABELS, list(RULES), 5000)
    assert shown["total"] == len(shown["rows"]) == 42
    assert shown["rules"]["unsure_label"] == 3
    assert [row["id"] for row in shown["rows"][-4:]] == ["u0", "u1", "u2", "u9"]
    assert shown["rows"][-4] == {
        **{"id": "u0", "text": "a text of somebody 0", "label": "negative", "scores": [0.905, 0.095]}
    }
    assert "label" not in shown["rows"][-1]


def test_long_texts_are_fewer_rows_and_rare_rules_stay(project):
    long = [{**row, "text": "word " * 200} for row in kept_rows()]
    shown = browser(
        inputs_with(kept=long, rejected=rejected_rows()), LABELS, list(RULES), 5000, max_bytes=20_000
    )
    assert len(json.dumps(shown, ensure_ascii=False).encode()) <= 20_000
    assert 5 < len(shown["rows"]) < 33
    assert {row.get("rule") for row in shown["rows"]} >= {None, "near_duplicate", "foreign_script"}
    assert shown["total"] == len(long) + 5
