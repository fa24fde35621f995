"""Texts to label, and rows that were labelled later."""

from collections import Counter

import pytest

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import read_rows
from stages.prepare import main
from tests.builders import card_content, write_card
from tests.stages.preparing import labels, summary, written

__all__ = ["labels"]


def parts():
    """Return the ids of the training rows, the pool, the test inputs and the texts to label."""
    files = paths.REAL_TRAIN, paths.REAL_POOL, paths.TEST_INPUTS, paths.UNLABELLED
    return [[row["id"] for row in read_rows(path)] for path in files]


def test_the_texts_to_label_are_rows_held_back_without_their_labels(project, labels, set_params):
    set_params({"prepare.unlabelled_rows": 30})
    main()
    pool, texts = read_rows(paths.REAL_POOL), read_rows(paths.UNLABELLED)
    assert texts == [{"id": row["id"], "text": row["text"]} for row in pool[:30]]


@pytest.fixture
def texts(project, labels):
    """Name a file of texts without labels in the card: 50 new ones, an empty one and four that are known."""
    write_card(project, "mine", unlabelled={"path": "data/raw/texts.csv"})
    new = [f"New text {number}" for number in range(50)]
    lines = [f'"{text}"\n' for text in [*new, "", "NEW TEXT 7", *[*labels][:3]]]
    (project / "data/raw/texts.csv").write_text("text\n" + "".join(lines), encoding="utf-8")
    return project / "data/raw/texts.csv"


def test_a_file_of_texts_takes_their_place_but_for_those_that_are_labelled(project, texts, set_params):
    main()
    rows = read_rows(paths.UNLABELLED)
    assert {row["text"] for row in rows} == {f"New text {number}" for number in range(50)}
    assert [row["id"] for row in rows] != sorted(row["id"] for row in rows)  # files are often sorted
    assert summary(project)["unlabelled"] == {
        "rows": 50,
        "from": "unlabelled",
        "left_out": {"empty": 1, "repeated": 4, "not_needed": 0},
    }
    set_params({"prepare.unlabelled_rows": 20})
    main()
    assert read_rows(paths.UNLABELLED) == rows[:20]


def test_no_text_of_a_separate_test_file_is_learnt_from_or_to_be_labelled(project, texts, set_params):
    held_out = [(f"Held out {number}", ["neg", "pos"][number % 2]) for number in range(40)]
    (project / "data/raw/test.csv").write_text(
        "text,label\n" + "".join(f"{text},{label}\n" for text, label in held_out), encoding="utf-8"
    )
    with texts.open("a", encoding="utf-8") as file:
        file.write("Held out 3\nHeld out 39\n")
    source = {**card_content()["source"], "test_path": "data/raw/test.csv"}
    later = {"labelled_later": ["data/raw/next.csv"]}
    write_card(project, "mine", unlabelled={"path": "data/raw/texts.csv"}, source=source, **later)
    labelled = "".join(f"{text},negative\n" for text, _ in held_out)
    (project / "data/raw/next.csv").write_text(f"text,label\n{labelled}", encoding="utf-8")
    set_params({"prepare.test_rows": 20})  # and of the others neither
    main()
    assert +Counter(summary(project)["labelled_later"]["left_out"]) == {"in_test": 40}
    assert not [row for row in read_rows(paths.UNLABELLED) if row["text"].startswith("Held out")]


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ({"unlabelled": {"path": "data/raw/none.csv"}}, r"unlabelled\.path: no file data/raw/none\.csv"),
        (
            {"unlabelled": {"path": "data/raw/rows.csv", "text_column": "body"}},
            r"unlabelled\.text_column: data/raw/rows\.csv has no column 'body'; it has text",
        ),
        ({"labelled_later": ["data/raw/none.csv"]}, r"labelled_later: no file data/raw/none\.csv"),
        (
            {"labelled_later": ["data/raw/next.csv"]},
            r"labelled_later: data/raw/next\.csv has no column 'label'; it has text, labels",
        ),
    ],
)
def test_a_file_that_is_not_there_or_lacks_a_column_is_an_error(project, labels, card, message):
    write_card(project, "mine", **card)
    (project / "data/raw/next.csv").write_text("text,labels\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"mine\.yaml: {message}"):
        main()
    assert written(project) == {}


def label_later(project, rows, columns="id,text,suggested_label,label"):
    """Name a file of rows labelled later in the card, and write it."""
    write_card(project, "mine", labelled_later=["data/raw/next.csv"])
    lines = [columns, *(f'x,"{text}",negative,{label}' for text, label in rows)]
    (project / "data/raw/next.csv").write_text("\n".join(lines), encoding="utf-8-sig")


def test_rows_labelled_later_are_training_rows_whatever_real_rows_says(project, labels):
    main()
    before, pool = parts(), read_rows(paths.REAL_POOL)
    chosen = [pool[3]["text"], pool[9]["text"]]
    # A label by its name, with a spreadsheet's capital, or by its value in the data; one that was left empty.
    label_later(project, [(chosen[0], "Negative"), (chosen[1], "pos"), (pool[4]["text"], " ")])
    main()
    train, rest, test, texts = parts()
    assert [row["text"] for row in read_rows(paths.REAL_TRAIN)[20:]] == chosen
    assert [row["label"] for row in read_rows(paths.REAL_TRAIN)[20:]] == ["negative", "positive"]
    assert (train[:20], test) == (before[0], before[2])
    gone = {pool[3]["id"], pool[9]["id"]}
    assert (set(rest), set(texts)) == (set(before[1]) - gone, set(before[3]) - gone)
    assert len({*train, *rest, *test}) == 108
    later = summary(project)["labelled_later"]
    assert (later["rows"], +Counter(later["left_out"])) == (2, {"no_label": 1})


def test_rows_labelled_later_are_no_longer_to_be_labelled(project, texts):
    unlabelled = {"path": "data/raw/texts.csv"}
    write_card(project, "mine", unlabelled=unlabelled, labelled_later=["data/raw/next.csv"])
    (project / "data/raw/next.csv").write_text("text,label\nNew text 7,negative\n", encoding="utf-8")
    main()
    assert "New text 7" not in {row["text"] for row in read_rows(paths.UNLABELLED)}
    assert read_rows(paths.REAL_TRAIN)[-1] == {"id": "n000000", "text": "New text 7", "label": "negative"}


def test_no_text_of_the_test_set_is_learnt_from_and_no_training_row_twice(project, labels):
    main()
    train, test = read_rows(paths.REAL_TRAIN), read_rows(paths.TEST_INPUTS)
    label_later(project, [(test[0]["text"].upper(), "negative"), (train[0]["text"], "positive")])
    main()
    assert read_rows(paths.REAL_TRAIN) == train
    left_out = summary(project)["labelled_later"]["left_out"]
    assert +Counter(left_out) == {"in_test": 1, "in_train": 1}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            "a,text,b,label",
            r"data/raw/next\.csv:3: 'label': no label 'negativ'; write one of negative, positive",
        ),
        ("id,Text,it,label", r"no column 'text'; it has id, Text, it, label; rename 'Text' to text"),
    ],
)
def test_an_unknown_label_or_column_is_an_error_with_its_place(project, labels, columns, message):
    label_later(project, [("a new text", "negative"), ("another", "negativ")], columns)
    with pytest.raises(DataError, match=message):
        main()
    assert written(project) == {}
