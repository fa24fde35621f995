import hashlib
import json
from collections import Counter

import pytest

from labelmint.core import paths
from labelmint.core.errors import DataError, ParamsError
from labelmint.core.records import read_rows
from stages.prepare import main
from tests.builders import write_card

ARMS = {"real": {"real": "all"}, "real_40": {"real": 40}, "synthetic": {"synthetic": "all"}}
SETTINGS = {"task": "mine", "real.rows": 20, "prepare.test_rows": 40, "arms": ARMS}


@pytest.fixture
def labels(project, set_params):
    """Set up a task of 120 rows, of which 12 are left out; return the label name of each text."""
    set_params(SETTINGS)
    write_card(project, "mine")
    rows = [(f"Text {number}, with a comma", "neg" if number % 3 else "pos") for number in range(108)]
    wrong = [("", "pos")] * 3 + [(rows[0][0], rows[0][1])] * 4 + [("both", "pos"), ("both", "neg")] * 2
    path = project / "data/raw/rows.csv"
    path.parent.mkdir(parents=True)
    lines = [f'"{text}",{label}\n' for text, label in rows + wrong + [("BOTH", "neg")]]
    path.write_text("text,label\n" + "".join(lines), encoding="utf-8")
    names = {"neg": "negative", "pos": "positive"}
    return {text: names[label] for text, label in rows}


def written(project):
    files = {path for folder in ("data", "metrics") for path in (project / folder).rglob("*")}
    inputs = {project / "data/raw", project / "data/tasks", project / "data/models.yaml"}
    made = (path for path in files if path.is_file() and not {path, *path.parents} & inputs)
    return {str(path.relative_to(project)): path.read_bytes() for path in made}


def summary(project):
    return json.loads((project / "metrics/prepare.json").read_text(encoding="utf-8"))


def test_test_inputs_have_no_label_and_the_labels_stand_beside_them(project, labels):
    main()
    inputs, answers = read_rows(paths.TEST_INPUTS), read_rows(paths.TEST_LABELS)
    assert len(inputs) == 40
    assert {tuple(row) for row in inputs} == {("id", "text")}
    assert {tuple(row) for row in answers} == {("id", "label")}
    assert [row["id"] for row in inputs] == [row["id"] for row in answers]
    assert [labels[row["text"]] for row in inputs] == [row["label"] for row in answers]


def test_all_rows_keep_their_label_and_lie_in_one_part(project, labels):
    main()
    parts = [read_rows(path) for path in (paths.REAL_TRAIN, paths.REAL_POOL, paths.TEST_INPUTS)]
    assert [len(part) for part in parts] == [20, 48, 40]
    texts = [row["text"] for part in parts for row in part]
    assert sorted(texts) == sorted(labels)
    for row in parts[0] + parts[1]:
        assert row["label"] == labels[row["text"]]


def test_the_metrics_count_what_was_read_and_left_out(project, labels):
    main()
    content = (project / "data/raw/rows.csv").read_bytes()
    found = summary(project)
    left_out = +Counter(found.pop("left_out"))
    assert left_out == {"empty": 3, "duplicate": 4, "contradicting_labels": 5}
    assert found == {
        "schema_version": 1,
        "rows": 108,
        "test_left_out": {},
        "excerpt": {"words": 0, "from": "", "rows": 0},
        "labels": {"negative": 72, "positive": 36},
        "train_labels": {"negative": 13, "positive": 7},
        "test_rows": 40,
        "labelled_later": {"rows": 0, "left_out": {}},
        "unlabelled": {"rows": 48, "from": "source", "left_out": {}},
        "facts": {"rows": 0, "left_out": {}},
        "packages": {},
        "sha256": "",
        "files": {"data/raw/rows.csv": hashlib.sha256(content).hexdigest()},
    }


def test_facts_are_written_once_with_the_columns_that_the_card_names(project, labels, capsys):
    main()
    assert read_rows(paths.FACTS) == []
    table = project / "data/raw/cast.csv"
    table.write_text("actor,part,year\nA. B.,hero,1999\nC. D.,villain,2001\n", encoding="utf-8")
    write_card(project, "mine", facts={"path": "data/raw/cast.csv", "words": "with {actor} as {part}"})
    main()
    assert read_rows(paths.FACTS)[1] == {"label": "", "values": {"actor": "C. D.", "part": "villain"}}
    assert summary(project)["facts"] == {"rows": 2, "left_out": {"repeated": 0}}
    assert "prepare: facts: 2 rows read, 2 used; left out: none" in capsys.readouterr().err


def test_running_again_writes_the_same_bytes_and_another_seed_another_test_set(project, labels, set_params):
    main()
    first = written(project)
    main()
    assert written(project) == first
    set_params({"prepare.seed": 2})
    main()
    assert written(project)[str(paths.TEST_INPUTS)] != first[str(paths.TEST_INPUTS)]


def test_more_real_rows_leave_the_test_set_and_come_from_the_pool(project, labels, set_params):
    main()
    first, train, pool = written(project), read_rows(paths.REAL_TRAIN), read_rows(paths.REAL_POOL)
    set_params({"real.rows": 25})
    main()
    second = written(project)
    for path in (paths.TEST_INPUTS, paths.TEST_LABELS):
        assert first[str(path)] == second[str(path)]
    assert read_rows(paths.REAL_TRAIN) == train + pool[:5]
    assert read_rows(paths.REAL_POOL) == pool[5:]


def test_too_few_rows_are_an_error_before_anything_is_written(project, labels, set_params):
    set_params({"prepare.test_rows": 89})
    with pytest.raises(DataError, match=r"need 109 rows, but the task's data has 108; say real\.rows: 20"):
        main()
    assert written(project) == {}


@pytest.mark.parametrize(("test_rows", "noted"), [(68, False), (69, True)])
def test_arms_that_the_real_rows_cannot_fill_are_noted(project, labels, set_params, capsys, test_rows, noted):
    set_params({"prepare.test_rows": test_rows})
    main()
    note = "prepare: note: there are 39 real rows beside the test rows, too few for the arms real_40"
    assert (note in capsys.readouterr().err) == noted
    assert len(read_rows(paths.REAL_POOL)) == 108 - test_rows - 20


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.student", "magic"),
        ("arms", {"real": {"real": "all", "student": "magic"}}),
        ("generate.method", "magic"),
        ("filter.disabled_rules", ["magic"]),
    ],
)
def test_a_name_that_there_is_not_is_an_error_before_anything_is_written(
    project, labels, set_params, key, value
):
    set_params({key: value})
    with pytest.raises(ParamsError, match=rf"params\.yaml: {key}.*'magic'; there are "):
        main()
    assert written(project) == {}


@pytest.mark.parametrize(("folder", "noted"), [("data/raw", False), ("elsewhere", True)])
def test_a_file_that_dvc_does_not_watch_is_noted(project, labels, folder, noted, capsys, edit):
    (project / "elsewhere").mkdir()
    source = (project / "data/raw/rows.csv").read_text(encoding="utf-8")
    (project / folder / "copy.csv").write_text(source, encoding="utf-8")
    edit("data/tasks/mine.yaml", "data/raw/rows.csv", f"{folder}/copy.csv")
    main()
    assert ("DVC doesn't see when it changes" in capsys.readouterr().err) == noted


def test_without_real_rows_all_others_than_the_test_rows_are_the_pool(project, labels, set_params):
    set_params({"real.rows": 0, "arms": {"synthetic": {"synthetic": "all"}}})
    main()
    parts = [read_rows(path) for path in (paths.REAL_TRAIN, paths.REAL_POOL, paths.TEST_INPUTS)]
    assert [len(part) for part in parts] == [0, 68, 40]


def test_without_a_source_all_files_are_empty(project, labels, set_params):
    write_card(project, "mine", source=None)
    with pytest.raises(DataError, match=r"without a `source` there are no real rows; say real\.rows: 0 and"):
        main()
    assert written(project) == {}
    set_params({"real.rows": 0, "arms": {"synthetic": {"synthetic": "all"}}})
    main()
    files = written(project)
    assert {name for name, raw in files.items() if raw.strip(b"\n")} == {"metrics/prepare.json"}
    assert json.loads(files["metrics/prepare.json"])["test_rows"] == 0


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
