import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import write_rows
from labelmint.report import arms
from labelmint.report.page import embed, plain
from labelmint.report.read import read_inputs
from stages.report import main
from tests.report.helpers import ENDS, SCRIPT, evaluation, write_data, write_evaluation, write_extras

SECTIONS = [
    "verdict",
    "arms",
    "curves",
    "speed",
    "funnel",
    "rows",
    "prompts",
    "data",
    "errors",
    "cost",
    "provenance",
]


class Page(HTMLParser):
    """What of a page may run or be fetched, and its plain text by section."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.section = [], {}, ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.section = dict(attrs)["id"]

    def handle_data(self, data):
        self.texts[self.section] = self.texts.get(self.section, "") + data


def rows_of(page):
    return json.loads(re.search(r'id="rows-json">(.*?)</script>', page, re.S)[1])


@pytest.mark.slow
def test_the_same_inputs_give_the_same_bytes(full, made):
    first, short = made(drawn=True), Path("metrics/report.md").read_bytes()
    assert made(drawn=True) == first
    assert Path("metrics/report.md").read_bytes() == short


def test_every_section_is_there_and_shows_its_numbers(full, made):
    page = Page(made())
    assert [attrs["id"] for tag, attrs in page.tags if tag == "section"] == SECTIONS
    for section, text in {
        "arms": "machine-labelled texts",
        "speed": "Passing on what it is unsure of",
        "curves": "24 to 50",
        "funnel": "3 of 4 got a label: negative 3, positive 0. Rejected: unsure_label 1",
        "data": "0.9 ± 0.01",
        "errors": "kappa 0.66",
        "cost": "14\xa0min 26\xa0s",
        "provenance": "gemma-3-270m",
    }.items():
        assert text in page.texts[section]
    assert "mixed: real 1.0, synthetic 0.3" in " ".join(page.texts["arms"].split())
    assert "-0.4321" in page.texts["arms"]
    assert 'class="none"' not in made().split("<noscript>")[0]


def test_texts_that_would_break_out_are_data(full, made):
    page = made()
    assert SCRIPT not in page
    texts = {row["id"]: row["text"] for row in rows_of(page)["rows"]}
    assert texts["s000100"] == SCRIPT
    assert texts["s000102"] == ENDS


def test_halves_of_characters_are_no_failure(full, made):
    assert json.loads(str(embed({"half": "\ud83d", "ends": "\u2028</script>"}))) == {
        "half": "\ud83d",
        "ends": "\u2028</script>",
    }
    assert "</" not in embed("</script>")
    rows = Path("data/synthetic/prompts.jsonl").read_text(encoding="utf-8")
    Path("data/synthetic/prompts.jsonl").write_text(rows.replace("Here", "\\ud83d"), encoding="utf-8")
    assert made().count("<script") == 3


@pytest.mark.parametrize(
    "missing",
    [
        "metrics/evaluate.json",
        "metrics/filter.json",
        "metrics/data.json",
        "metrics/generate.json",
        "metrics/plots/confusion.csv",
        "metrics/plots/reliability.csv",
        "metrics/plots/escalation.csv",
        "metrics/label.json",
        "data/labelled/kept.jsonl",
        "data/evaluation/hardest.jsonl",
        "data/synthetic/kept.jsonl",
        "data/synthetic/prompts.jsonl",
        "data/real/train.jsonl",
    ],
)
def test_a_missing_input_leaves_a_line_that_says_so(full, made, missing):
    (full / missing).unlink()
    page = made()
    quiet = {"data/synthetic/kept.jsonl", "data/real/train.jsonl", "metrics/generate.json"}  # others remain
    quiet |= {"metrics/plots/escalation.csv", "metrics/label.json", "data/labelled/kept.jsonl"}
    assert ('class="none"' in page.split("<noscript>")[0] + page.split("</noscript>")[1]) is (
        missing not in quiet
    )
    assert [attrs["id"] for tag, attrs in Page(page).tags if tag == "section"] == SECTIONS


def test_where_nothing_ran_there_is_one_line(run, made):
    with pytest.raises(DataError, match=r"^data/synthetic/kept\.jsonl: no such file; run `dvc repro`"):
        made()
    assert not (run / "metrics/report.md").exists()


def test_a_run_of_which_only_the_real_rows_are_there_is_a_page(run, made):
    write_rows(paths.REAL_TRAIN, [])
    page = made()
    assert "There is no evaluation yet" in page
    assert page.count('class="none"') >= len(SECTIONS) - 2
    assert rows_of(page)["rows"] == []


def test_an_unscored_run_without_real_rows(run, made):
    write_data()
    unscored = {
        "test_rows": 0,
        "note": "no test labels",
        "main_arm": "synthetic",
        "counterpart": "",
        "gain": {},
        "label_equivalence": {},
        "subjectivity": {},
        **{"sources": {}, "speeds": [], "alternative": {}},
    }
    trained = {"kind": "synthetic", "train_rows": 200, "real": 0, "synthetic": 200, "unlabelled": 0}
    trained |= {"student": "auto", "main_student": True, "texts_per_s": 340.0}
    write_evaluation(**unscored, arms={"synthetic": trained})
    (run / "metrics/plots/confusion.csv").write_text("label,predicted\n")
    page = made()
    assert "Nothing could be scored" in page
    assert "The arms are trained, and there is nothing to score them on." in page
    assert "200" in Page(page).texts["arms"]
    assert "| arm |" not in Path("metrics/report.md").read_text(encoding="utf-8")


def test_the_short_form_has_the_verdict_and_the_table(full, made):
    made()
    text = Path("metrics/report.md").read_text(encoding="utf-8")
    assert text.startswith("## Your synthetic rows are worth about 15 real labels\n")
    assert "| mixed | 220 | 76.0\xa0% | 73.0 to 79.0 | 75.0\xa0% | 15.0\xa0% | 340 |" in text
    assert "- Only 40 test rows" in text
    assert not re.search(r"\n{3}", text)


@pytest.mark.parametrize(
    ("text", "text_in_cell"),
    [("a|b", r"a\|b"), ("two\nlines", "two lines"), ("<b>", r"\<b\>"), ("real_30", r"real\_30")],
)
def test_texts_stay_in_their_cell_of_a_markdown_table(text, text_in_cell):
    assert plain(text) == text_in_cell


def test_by_macro_f1_the_page_says_so(full, made):
    gain = {"one": "mixed", "other": "real", "macro_f1": 0.06, "ci_low": 0.02, "ci_high": 0.1}
    gain |= {"p_value": 0.0005, "p_adjusted": 0.0015}
    write_evaluation(metric="macro_f1", gain={"mixed_vs_real": gain}, sources={})
    text = Page(made()).texts
    assert "take macro-F1 from 69.0\xa0% to 75.0\xa0%: +6.0 points" in text["verdict"]
    assert "Differences in macro-F1" in text["arms"]


def test_a_broken_metrics_file_is_named(full):
    (full / "metrics/filter.json").write_text("{")
    with pytest.raises(DataError, match=r"metrics/filter\.json: damaged"):
        main()


def test_escalation_is_shown_in_the_headline_s_metric(full):
    write_evaluation(metric="macro_f1")
    assert [point["score"] for point in arms.escalation(read_inputs())] == [0.75, 0.8, 0.85]


def test_the_points_of_the_curves(full):
    points = {point["arm"]: point for point in arms.curve(read_inputs())}
    assert points["mixed"]["rows"] == 200  # its synthetic rows
    assert points["mixed_100"]["rows"] == 100
    assert points["real_40"]["rows"] == 40
    assert points["texts"]["rows"] == 90
    lines = {name: point["line"] for name, point in points.items()}
    assert lines["mixed"] == lines["mixed_100"] == "real+synthetic"
    assert (lines["texts"], lines["synthetic"]) == ("real+unlabelled", "synthetic")


@pytest.mark.slow
def test_the_page_fetches_nothing_and_runs_one_script(full, made):
    entries = evaluation()["arms"]
    write_evaluation(arms={'mixed"><script>alert(1)</script>&': entries["mixed"], **entries})
    text = made(drawn=True)
    page = Page(text)
    assert "<script>alert" not in text
    assert [tag for tag, attrs in page.tags if "src" in attrs] == []
    assert {tag for tag, _ in page.tags} & {"iframe", "object", "embed", "img", "form", "base"} == set()
    links = [attrs["href"] for tag, attrs in page.tags if tag in ("a", "link")]
    assert {link for link in links if not link.startswith("#")} == {"data:,"}
    outside = re.sub(r"<pre.*?</pre>", "", text, flags=re.S)  # params.yaml names an address of a server
    assert set(re.findall(r"https?://[\w.]+", outside)) == {"http://www.w3.org"}  # names of SVG
    scripts = [attrs.get("type", "") for tag, attrs in page.tags if tag == "script"]
    assert sorted(scripts) == ["", "application/json", "application/json"]
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv"))
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]
    # Charts are coloured by the style and say what they show.
    assert text.count('<div class="chart wide">') == text.count('<div class="chart narrow">') == 5
    assert 'stroke="var(--mixed)"' in text
    assert "scores like 35 real labels (24 to 50 or more)" in text
    assert "real_40: 78.0\xa0% (75.0 to 81.0)" in text


def test_code_that_differs_from_the_commit_is_named(full, made):
    assert "not in git" in made()
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "All"]):
        subprocess.run(["git", *command], check=True)
    assert "with uncommitted changes" not in made()
    (full / "params.yaml").write_text((full / "params.yaml").read_text() + "# an edit\n")
    assert "with uncommitted changes" in made()


def test_rows_beyond_the_limit_are_left_out_and_the_page_says_so(full, monkeypatch, made):
    monkeypatch.setattr("stages.report._ROWS", 20)
    monkeypatch.setattr("stages.report._HARDEST", 1)
    write_extras()
    page = made()
    assert len(rows_of(page)["rows"]) == 20
    assert "20 of 42 rows" in page
    assert "r8" not in Page(page).texts["errors"]
