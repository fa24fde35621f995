"""What is shown of two runs, and whether a difference is more than noise."""

import math
from pathlib import Path

import pytest

from labelmint.compare.command import as_markdown, as_text
from labelmint.compare.revisions import find
from labelmint.compare.runs import read_run
from labelmint.core.params import load_params
from labelmint.core.records import read_json, write_json
from tests.builders import git
from tests.compare.conftest import commit, compared, rows, write_lock, write_run

pytestmark = pytest.mark.usefixtures("repository")
HARD = list(range(60))


def test_scores_are_paired_by_row_and_tell_noise_from_more():
    comparison = compared("first", "second")
    scores = rows(comparison, "Accuracy")
    assert "paired by row on the same 200 test rows" in comparison.tables[0].title
    base, head, difference, verdict = scores["mixed"]
    assert (base[:4], head[:4], verdict) == ("70.0", "76.0", "yes")
    assert difference.startswith("+6.0 (+3.")
    assert scores["real"][2:] == ["+0.0", "same answers"]


@pytest.mark.parametrize(
    ("student", "seeds", "verdict"),
    [
        ("linear_head", 1, "yes, but one seed"),
        ("linear_head", 3, "yes"),
        ("majority", 1, "yes"),  # which no seed changes
    ],
)
def test_a_difference_of_one_seed_is_marked(student, seeds, verdict):
    write_json(Path("metrics/train/mixed.json"), {"seeds": seeds})
    evaluation = read_json(Path("metrics/evaluate.json"))
    evaluation["arms"]["mixed"]["student"] = student
    write_json(Path("metrics/evaluate.json"), evaluation)
    write_lock()
    assert rows(compared("first"), "Accuracy")["mixed"][3] == verdict


def test_without_predictions_the_intervals_decide_and_a_line_says_so():
    git("checkout", "-q", "first")
    git("rm", "-q", "metrics/predictions.json")
    old = commit("Without predictions")
    comparison = compared(old, "second")
    assert rows(comparison, "Accuracy")["mixed"][3] == "no"  # the same 6 points
    assert "not paired, because the test rows' predictions are not in both" in comparison.tables[0].title
    assert any("no metrics/predictions.json" in note for note in comparison.notes)


def test_other_test_rows_are_not_paired():
    write_run({"real": HARD, "mixed": HARD[12:]}, text="another text")
    comparison = compared("first")
    assert "not paired, because the test rows differ" in comparison.tables[0].title
    assert rows(comparison, "Accuracy")["mixed"][3] == "no"
    assert rows(comparison, "Accuracy")["real_40"][1:] == ["–", "–", "–"]  # only the first run has it


@pytest.mark.parametrize(
    ("times", "verdict"), [(0.95, "no"), (1.05, "by itself, not among so many"), (1.3, "yes, but one seed")]
)
def test_unpaired_differences_are_more_than_noise_once_their_interval_excludes_zero(times, verdict):
    write_run({"real": HARD, "mixed": HARD[20:]}, text="another text")
    write_json(Path("metrics/train/mixed.json"), {"seeds": 1})
    base = read_run(find("first")).evaluate["arms"]["mixed"]["accuracy"]
    evaluation = read_json(Path("metrics/evaluate.json"))
    head = evaluation["arms"]["mixed"]["accuracy"]
    half = abs(head["mean"] - base["mean"]) / times
    width = math.sqrt((2 * half) ** 2 - (base["ci_high"] - base["ci_low"]) ** 2)
    head |= {"ci_low": head["mean"] - width / 2, "ci_high": head["mean"] + width / 2}
    write_json(Path("metrics/evaluate.json"), evaluation)
    write_lock()
    assert rows(compared("first"), "Accuracy")["mixed"][3] == verdict


@pytest.mark.slow
def test_many_comparisons_are_allowed_for():
    # Four rows of 200 in one of three arms: p is about 0.035 by itself.
    write_run({"real": HARD[1:], "mixed": HARD[4:], "real_40": HARD[1:40]})
    assert rows(compared("first"), "Accuracy")["mixed"][3] == "by itself, not among so many"


def test_the_accuracy_of_a_scorer_that_labels_alone_is_shown():
    path = Path("metrics/filter.json")
    content = read_json(path)
    content["label_scoring"]["accuracy"] = {"classifier": 0.6}
    write_json(path, content)
    data = rows(compared("first", commit("One scorer")), "Data")
    assert data["label accuracy of the scorers, synthetic rows"] == ["80.0\xa0%", "60.0\xa0%"]


def test_data_cost_label_equivalence_and_changed_settings_are_shown():
    comparison = compared("first", "second")
    assert rows(comparison, "Settings that changed") == {"generate.temperature": ["1.0", "0.8"]}
    assert rows(comparison, "Cost")["generate"] == ["1\xa0min 0\xa0s", "1\xa0min 30\xa0s"]
    assert rows(comparison, "Cost")["tokens written"] == ["1,234", "1,234"]
    data = rows(comparison, "Data")
    assert data["synthetic rows kept"][0] == "80 (80.0\xa0%)"
    assert data["label accuracy of the scorers, synthetic rows"][0] == "80.0\xa0%"
    assert rows(comparison, "Real labels")["mixed"][0] == "at most 20 (20 or fewer)"


def test_a_run_compared_with_itself_differs_in_nothing():
    comparison = compared("second", "second")
    assert {row[3] for row in rows(comparison, "Accuracy").values()} == {"same answers"}
    assert not [table for table in comparison.tables if table.title.startswith("Settings")]


def test_another_task_card_is_noted():
    card = Path(f"data/tasks/{load_params().task}.yaml")
    card.write_text(card.read_text(encoding="utf-8") + "# another\n", encoding="utf-8")
    write_run({"real": HARD})
    assert f"Code, models or data differ, too: {card}" in compared("first").notes
    assert not any("differ, too" in note for note in compared("first", "second").notes)


def test_rows_of_an_arm_are_no_data_of_their_own():
    """They are in a folder that a stage writes."""
    for md5 in ("one", "other"):
        train = {"deps": [{"path": "data/arms/mixed.jsonl", "md5": md5}], "params": {}, "outs": []}
        arms = {"deps": [], "params": {}, "outs": [{"path": "data/arms", "md5": f"{md5}.dir"}]}
        write_lock(**{"arms": arms, "train@mixed": train})
        commit(md5)
    assert not any("differ, too" in note for note in compared("HEAD~1", "HEAD").notes)


def test_an_added_arm_is_one_line(set_params):
    set_params({"arms": {"real": {"real": "all"}, "new": {"real": "all", "student": "tfidf"}}})
    write_run({"real": HARD})
    settings = rows(compared("first"), "Settings that changed")
    assert settings["arms.new"] == ["–", '{"real": "all", "student": "tfidf"}']
    assert settings["arms.synthetic"][1] == "–"


def test_text_is_aligned_and_markdown_is_tables_without_mark_up(set_params):
    set_params({"llm.model": "<b>|x|</b>\x1b[2J\n"})
    write_run({"real": HARD})
    comparison = compared("first")
    text = as_text(comparison).splitlines()
    (header,) = (line for line in text if "more than noise?" in line)
    row = next(line for line in text if line.startswith("  real "))
    assert header.index("difference in points") == row.index("+0.0")
    markdown = as_markdown(comparison)
    assert "<b>" not in markdown
    assert "\x1b" not in markdown + as_text(comparison)
    for block in markdown.split("\n\n"):
        lines = [line.replace(r"\|", "") for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1
