"""The paper's table, with a scripted model and a tiny encoder; its findings, and its cards."""

import json
from dataclasses import replace

import numpy as np
import pytest

from experiments.paper import __main__ as command
from experiments.paper import findings, grid, page, run
from labelmint.core import paths
from labelmint.core.errors import DataError, ParamsError
from labelmint.core.records import read_json
from labelmint.scoring.bootstrap import Bootstrap
from labelmint.scoring.scores import ArmPredictions
from labelmint.tasks.cards import load_card
from tests.builders import REPOSITORY, reviews
from tests.fake_model import FakeModel, write_sentence


@pytest.fixture
def small(constants):
    """Return small(name=value, ...): change the grid's constants wherever they were imported."""
    return constants(grid, run, page, findings, command)


def writer(prompt, seed):
    """Write a sentence, and its label where that is to follow."""
    answer = write_sentence(prompt, seed)
    text_first = "\nSentiment: " in prompt
    label = "negative" if "awful" in answer.text else "positive"
    return replace(answer, text=f"{answer.text}\nSentiment: {label}") if text_first else answer


@pytest.fixture
def paper(prepared, set_params, tiny_encoder, small, open_with):
    """Make a table of one tiny task and two methods; return the page's path."""
    set_params({"generate.prompts_per_wave": 2})
    set_params({"evaluate.bootstrap_samples": 100, "train.encoder": "tiny"})
    methods = {name: of for name, of in grid.METHODS.items() if name != "one_shot"}
    small(TASKS=["tiny"], PAPER_TASKS=["tiny"], METHODS=methods, STUDENTS=["tiny"])
    small(REAL_ROWS=(20, 40), TEST_ROWS=40, SEEDS=[1, 2], SAMPLES_PER_PROMPT=10)
    small(PAGE=prepared / "paper.md")
    open_with(FakeModel(writer), "experiments.paper.run", "labelmint.students.llm")
    return prepared / "paper.md"


def result():
    return json.loads((command.RESULTS / "tiny.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_results_and_the_page(paper, monkeypatch):
    command.main(rows=50)
    of = result()["students"]["tiny"]
    methods = ["zero_shot", "few_shot", "text_first"]  # the card gives no topics
    expected = ["real_20", "real_40"]
    expected += [name for method in methods for name in (f"{method}_20", f"{method}_40", method)]
    assert list(of["arms"]) == expected
    assert all(
        counts["candidates"] == 60 and 0 < counts["rows"] <= 50 for counts in result()["methods"].values()
    )
    mean = {name: scores["macro_f1"]["mean"] for name, scores in of["arms"].items()}
    gain = of["differences"]["macro_f1"]["gain_many"]["few_shot"]
    assert gain["macro_f1"] == pytest.approx(mean["few_shot_40"] - mean["real_40"], abs=2e-4)
    assert gain["ci_low"] <= gain["macro_f1"] <= gain["ci_high"]
    text = paper.read_text(encoding="utf-8")
    assert text.count("| tiny | few_shot |") == text.count("| tiny | text_first |") == 2
    assert "from as many candidates) | **can't be told** | 0 for, 0 against, of 1;" in text
    assert "tiny with `--rows 50`" in text
    assert "Not run" not in text
    # What is there with the same settings isn't run again; other settings renew it.
    monkeypatch.setattr(command, "run", None)
    command.main(rows=50)
    assert paper.read_text(encoding="utf-8") == text
    with pytest.raises(TypeError):
        command.main(rows=40)


@pytest.mark.parametrize(
    ("edit", "made"),
    [
        (lambda stored: None, 0),
        # A setting, or a part of one, that is newer than the file.
        (lambda stored: stored["settings"].pop("class_balance"), 0),
        (lambda stored: stored["settings"]["generate"].pop("order"), 0),
        (lambda stored: stored["settings"]["generate"].update(temperature=0.5), 1),
        (lambda stored: stored["settings"].update(removed=1), 1),
        (lambda stored: stored["methods"].pop("text_first"), 1),
    ],
)
def test_a_result_is_made_again_if_a_setting_is_another_or_a_method_missing(project, monkeypatch, edit, made):
    results = [{"methods": dict.fromkeys(grid.METHODS)}] * 2
    monkeypatch.setattr(command, "load_task", lambda *_: None)
    monkeypatch.setattr(command, "run", lambda *_: results.pop())
    command.run_task("tweets", None, 10)
    path = command.RESULTS / "tweets.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    edit(stored)
    path.write_text(json.dumps(stored), encoding="utf-8")
    command.run_task("tweets", None, 10)
    assert len(results) == 1 - made


def test_rows_without_a_label_go_whatever_params_say(project, set_params):
    set_params({"filter.disabled_rules": ["no_label", "language"]})
    assert grid.grid_params("tweets", 10).filter.disabled_rules == ["language"]


def test_the_page_says_which_tasks_are_smaller_than_the_papers(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    results = [read_json(paths.METRICS / f"paper/{name}.json") for name in ("sst2", "rte")]
    results[0]["settings"]["synthetic_rows"] = grid.SYNTHETIC_ROWS
    text = page.page(results)
    assert "**Smaller than the paper's**: rte with `--rows 160`, so" in text


def test_differences_are_paired_and_scarcity_is_that_of_two_gains(small):
    small(REAL_ROWS=(20, 40))
    truth = np.array([0, 1] * 50)
    bootstrap = Bootstrap(truth, 2, 200, seed=1)

    def right(name, count):
        """Return predictions of one seed that are right on so many of the first rows."""
        predicted = np.where(np.arange(100) < count, truth, 1 - truth)
        return ArmPredictions(name, 0, np.eye(2)[predicted][None])

    hits = {"real_20": 60, "real_40": 80, "zero_shot": 50, "zero_shot_20": 60, "zero_shot_40": 78}
    hits |= {"few_shot": 50, "few_shot_20": 70, "few_shot_40": 81}
    hits |= {"text_first": 45, "text_first_20": 65, "text_first_40": 80}
    found = run.differences({name: right(name, count) for name, count in hits.items()}, bootstrap, "accuracy")
    expected = {"gain_few": 0.1, "gain_many": 0.01, "mixing": 0.2, "scarcity": 0.09, "over_zero_shot": 0.1}
    expected["over_text_first"] = 0.05
    assert {key: of["few_shot"]["accuracy"] for key, of in found.items()} == pytest.approx(expected)
    none = {"accuracy": 0.0, "ci_low": 0.0, "ci_high": 0.0, "p_value": 1.0}
    assert found["gain_few"]["zero_shot"] == none
    assert found["mixing"]["few_shot"]["ci_low"] > 0.1


def test_copies_take_the_place_of_the_hubs_rows(paper, tmp_path):
    for part, first in (("train", 0), ("test", 500)):
        rows = reviews({"negative": 40, "positive": 40}, first)
        lines = [f"{row['text']},{row['label'][:3]}\n" for row in rows]
        (tmp_path / f"tiny_{part}.csv").write_text("text,label\n" + "".join(lines), encoding="utf-8")
    task = grid.load_task(grid.grid_params("tiny", 50), tmp_path)
    assert [len(rows) for rows in (task.rows.train, task.rows.pool, task.rows.test)] == [20, 60, 40]
    assert {row["id"][0] for row in task.rows.test} == {"t"}
    (tmp_path / "tiny_test.csv").unlink()
    with pytest.raises(DataError, match=r"no file tiny_test.csv or .jsonl; put it there"):
        command.main(data=tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ["imdb"]}, "no task imdb; choose of sst2"),
        ({"rows": 0}, "--rows 0: it must be 1 or more"),
    ],
)
def test_what_cannot_be_run_is_said(project, options, message):
    with pytest.raises(ParamsError, match=message):
        command.main(**options)


@pytest.mark.parametrize("task", grid.PAPER_TASKS)
def test_the_cards_are_valid_and_pairs_have_no_topics(project, task):
    card = load_card(task)
    assert card.source is not None
    assert card.source.dataset
    assert not (card.pairs and card.topics)


def of_gains(*gains):
    """Return results of tasks with one method, whose differences are all these: mean, low, high."""
    keys = ("gain_few", "gain_many", "mixing", "scarcity", "over_zero_shot")
    results = []
    for number, (mean, low, high) in enumerate(gains):
        values = {"ci_low": low, "ci_high": high}
        found = {
            metric: {
                key: {"few_shot": {metric: mean, **values}, "text_first": {metric: -1, **values}}
                for key in keys
            }
            for metric in ("accuracy", "macro_f1")
        }
        arms = {f"real_{size}": {"accuracy": {"mean": 0.5}} for size in grid.REAL_ROWS}
        asked = {"accuracy": {"mean": 0.5 + number / 10}}
        student = {"arms": arms, "differences": found}
        results.append({"task": f"task{number}", "llm_zero_shot": asked, "students": {"one": student}})
    return results


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ([(0.05, 0.01, 0.09), (0.04, 0.01, 0.07), (0.0, -0.1, 0.1)], "agrees"),
        ([(0.05, 0.01, 0.09), (-0.04, -0.07, -0.01), (-0.03, -0.05, -0.01)], "doesn't agree"),
        ([(0.05, 0.01, 0.09), (-0.04, -0.07, -0.01), (0.0, -0.1, 0.1)], "can't be told"),
    ],
)
def test_a_finding_needs_more_than_half_of_the_cases(gains, verdict):
    text = findings.findings(of_gains(*gains))
    row = next(line for line in text.splitlines() if line.startswith("| Mix real rows"))
    assert f"| **{verdict}** |" in row
    assert "of 3; mean" in row
    topics = next(line for line in text.splitlines() if "naming topics" in line)
    assert "| **can't be told** | no case |" in topics
    # As in results that are older than text_first.
    label = next(line for line in text.splitlines() if "Condition on the label" in line)
    assert "| **can't be told** | no case |" in label
    assert "too few tasks (3)" in text


def test_relative_gains_and_the_correlation_with_the_llm():
    text = findings.findings(of_gains(*[(number / 100, -0.1, 0.1) for number in range(6)]))
    assert "at 100 real rows +0.0 to +10.0 % (median +5.0 %)" in text
    assert "rank correlation +1.00 (p = 0.00)" in text
    assert "worth there | **doesn't agree** |" in text
    text = findings.findings(of_gains(*[(gain / 100, -0.1, 0.1) for gain in (1, 0, 2, 5, 3)]))
    assert "worth there | **can't be told** |" in text  # of so few tasks
