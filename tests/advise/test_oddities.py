import re

import pytest

from labelmint.advise.oddities import oddities
from labelmint.core.params import load_params
from labelmint.tasks.cards import load_card
from labelmint.tasks.data import read_task
from tests.builders import reviews, write_card

TEXTS = [row["text"] for row in reviews({"negative": 60}, first=900)]
VALUES = {"negative": "neg", "positive": "pos"}


@pytest.fixture
def found(project, set_params):
    """Return found(rows, texts): what is odd in a task of 40 clean rows and these."""
    set_params({"task": "tiny", "real.rows": 20, "prepare.test_rows": 20, "arms": {"real": {"real": "all"}}})
    write_card(project, "tiny", unlabelled={"path": "data/raw/texts.csv"})
    (project / "data/raw").mkdir(parents=True, exist_ok=True)

    def run(rows=(), texts=(), each=20, **settings):
        set_params({key.replace("__", "."): value for key, value in settings.items()})
        clean = [(row["text"], VALUES[row["label"]]) for row in reviews({"negative": each, "positive": 20})]
        lines = "".join(f'"{text}",{label}\n' for text, label in [*clean, *rows])
        (project / "data/raw/rows.csv").write_text(f"text,label\n{lines}", encoding="utf-8")
        lines = "".join(f'"{text}"\n' for text in [*TEXTS, *texts])
        (project / "data/raw/texts.csv").write_text(f"text\n{lines}", encoding="utf-8")
        params, card = load_params(), load_card("tiny")
        return oddities(
            params, card, read_task(params, card), lambda part: [len(row["text"].split()) for row in part]
        )

    return run


def test_of_clean_data_nothing_is_said(found):
    assert found() == []


def test_rows_that_are_left_out_are_counted(found):
    assert found([("", "neg"), ("both", "neg"), ("both", "pos")], ["", TEXTS[0]]) == [
        "source: 1 empty rows are left out",
        "source: 2 rows whose text has two labels are left out",
        "unlabelled: 1 empty rows are left out",
        "unlabelled: 1 texts that are labelled rows or repeat another one are left out",
    ]


def test_rare_labels_and_unbalanced_ones(found):
    lines = found(each=120, real__rows=30, prepare__test_rows=30)
    assert lines[0] == "labels with fewer than 8 training rows: positive (4); label more of them"
    assert lines[1].startswith("unbalanced labels: 87% of the training rows are negative, so accuracy says")
    assert len(lines) == 2


def test_arms_that_want_more_rows_than_there_are(found):
    lines = found(arms={"real": {"real": "all"}, "real_900": {"real": 900}})
    assert lines == [
        "there are 20 real rows beside the test rows, too few for the arms real_900; they are left out"
    ]


def test_an_arm_may_want_as_many_synthetic_rows_as_top_up_may_write(found):
    arms = {"real": {"real": "all"}, "synthetic": {"synthetic": 2000}}
    top_up = {"generate__candidates": 96, "top_up__max_candidates": 2000}
    assert found(arms=arms, filter__rows_per_label=900, **top_up) == []
    assert len(found(filter__rows_per_label=0)) == 1


def test_texts_near_another_are_counted_with_the_first_of_them(found):
    near = TEXTS[3].rsplit(" ", 1)[0] + " indeed"
    [line] = found(texts=[near], filter__near_duplicate_similarity=0.5)
    assert line.startswith("texts to label near an earlier one: 1 (first: u0000")
    assert {"u000003", "u000060"} == {*re.findall(r"u\d+", line)}


def test_test_inputs_near_other_rows_are_told(found):
    rows = reviews({"negative": 20, "positive": 20})
    doubles = [(f"{row['text']} indeed", VALUES[row["label"]]) for row in rows]
    lines = found(doubles, [f"{row['text']} again" for row in rows], real__rows=40, prepare__test_rows=40)
    starts = [
        "training rows near an earlier one: ",
        "training rows near a test input, which make scores too high: ",
        "texts to label near a training row: ",
        "texts to label near a test input, which will be left out: ",
    ]
    for start in starts:
        assert any(line.startswith(start) for line in lines), start


def test_long_texts_with_their_share_and_the_longest(found):
    long = " ".join(["so", "very"] * 100)
    [line] = [line for line in found(texts=[long, f"{long} long"]) if "train.max_tokens" in line]
    assert line.startswith("texts to label: 3.2% are longer than train.max_tokens=128 and will be cut; ")
    assert line.endswith("the longest, u000061, has 201 tokens")


def test_texts_in_another_language(found):
    english = [
        "The acting is wonderful and the story never loses its way, which is rare enough these days.",
        "I left the cinema with the feeling that nobody had cared about what the film wanted to say.",
    ]
    more = [f"{text} I saw it {number} times with my friends." for text in english for number in range(90)]
    german = "Der Film ist leider viel zu lang geraten und die Schauspieler wirken die ganze Zeit müde."
    lines = found(texts=[*more, german], filter__near_duplicate_similarity=1.0)
    [line] = [line for line in lines if "language" in line]
    assert line == "texts to label: 1 of 241 seem to be in another language than en (first: u000240, de)"
