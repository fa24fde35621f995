import pytest

from labelmint.tasks.cards import card_path, load_card
from tests.builders import card, failure, write_card

SOURCE = {"text_column": "text", "label_column": "label"}
NEGATIVE = {"name": "negative", "phrase": "negative"}
POSITIVE = {"name": "positive", "phrase": "positive"}


def test_the_shipped_card_loads(project):
    shipped = load_card("rotten_tomatoes")
    assert shipped.label_names == ["negative", "positive"]
    assert shipped.source.where == {"source": ["rotten_tomatoes"]}


def test_labels_may_look_like_other_yaml_types(project):
    path = write_card(project, "odd")
    text = path.read_text(encoding="utf-8").replace("  neg:", "  no:").replace("  pos:", "  2024-01-31:")
    path.write_text(text, encoding="utf-8")
    assert list(load_card("odd").labels) == ["no", "2024-01-31"]


def test_a_missing_card_is_an_error_with_its_path(project):
    assert failure(load_card, "nothing").startswith(
        "data/tasks/nothing.yaml: no such file; `task` in params.yaml may be "
    )
    assert failure(load_card, "rotten_tomatos").endswith(" may be rotten_tomatoes")


def labels(**positive):
    return {"labels": {"neg": NEGATIVE, "pos": {"phrase": "good", **positive}}}


def file(**changes):
    return {"source": {"path": "a.csv", **SOURCE, **changes}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": {"neg": NEGATIVE}}, "labels: at least two are needed"),
        (labels(name="negative"), "labels: two labels have the same name"),
        (labels(name="p", phrase="negative"), "labels: two labels have the same phrase"),
        (
            labels(name="neg"),
            "labels: 'neg' in a table could mean the label of that value, or that of value 'pos'",
        ),
        ({"labels": {"neg": NEGATIVE, "pos": {"name": "p"}}}, "key labels.pos.phrase is missing"),
        (labels(name=""), "labels.pos.name: is empty; give it a text"),
        (labels(name="p", phrase=" \n"), "labels.pos.phrase: is empty"),
        (labels(name="\u200b"), "labels.pos.name: is empty"),
        (labels(name="a\x07b"), "labels.pos.name: holds the control character '\\x07'; remove it"),
        *(
            (labels(name="p", phrase=phrase), "labels: two labels have too similar a phrase, 'negative' and ")
            for phrase in ("Negative", "ｎegative", "nega\u00adtive")
        ),
        ({"labels": {"neg": NEGATIVE, "pos": "positive"}}, "labels.pos must be a mapping of keys to values"),
        ({"labels": ["neg", "pos"]}, "labels must be a mapping of keys to values, not ['neg', 'pos']"),
        ({"labels": {0: NEGATIVE, 1: POSITIVE}}, "labels: a key must be a text, not 0; write it in quotes"),
        ({"labels": {None: NEGATIVE, "a": POSITIVE}}, "labels: a key must be a text, not null; write it"),
        # One letter: Python has one object for both.
        (
            {"labels": {"a": {"name": "x", "phrase": "y"}, "b": {"name": "x", "phrase": "z"}}},
            "labels: two labels have the same name, 'x'",
        ),
        (labels(name=1), "labels.pos.name must be a text"),
        (
            {"labels": {True: {"name": True, "phrase": "a"}, False: {"name": "b", "phrase": "b"}}},
            "labels: a key must be a text, not true; write it in quotes; "
            "data/tasks/wrong.yaml: labels.true.name must be a text, not true; write it in quotes",
        ),
        ({"description": ""}, "description: is empty; give it a text"),
        ({"lables": {}}, "unknown key lables; did you mean labels?"),
        ({"source": SOURCE}, "source: give one place: `path`, or `package` and `file`, "),
        ({"source": {"package": "p", **SOURCE}}, "source: give one place: `path`, or `package` and `file`"),
        (file(package="p", file="f"), "source: give one place: `path`"),
        (file(dataset="b"), "source: give one place: `path`, or"),
        (file(text_column=None), "source: `text_column` is missing"),
        (file(text_column=""), "source.text_column: string should have at least 1 character"),
        (
            file(path="https://a.org/b.csv"),
            "source.path: https://a.org/b.csv is an address; download the file",
        ),
        (file(where={"year": 2024}), "source.where.year.0 must be a text, not 2024; write it in quotes"),
        ({"pair_name": "claim"}, "`pair_name` and `source.pair_column` go together: give both, or neither"),
        (file(pair_column="b"), "`pair_name` and `source.pair_column`"),
        ({"source": {"folder": "a", **SOURCE}}, "source: a `folder` has no columns: remove text_column"),
        (file(config="x"), "source: `config` goes with `dataset`"),
        (file(split="x"), "source: `split` goes with `dataset`"),
        (
            {"source": {"dataset": "a", "encoding": "cp1252", **SOURCE}},
            "source: `encoding` doesn't go with `dataset`",
        ),
        ({"source": {"dataset": "a", "test_path": "x", **SOURCE}}, "source: `test_path` goes with `path`"),
        (file(text_column="label"), "source: text_column, pair_column and label_column must differ"),
        ({"excerpt": {"words": 60, "from": "middle"}}, "excerpt.from: input should be 'start' or 'end'"),
        ({"excerpt": {"words": 60}}, "key excerpt.from is missing"),
        ({"templates": {"neg": ["x"]}}, "templates: no label is named 'neg'; use negative, positive"),
        ({"attributes": {"tone": {"bad": ["x"]}}}, "attributes.tone: no label is named 'bad'; use negative"),
        ({"topics": []}, "topics needs at least 1"),
        ({"licence": None}, "licence is empty; give it a text"),
        ({"attributes": {"tone": []}}, "attributes.tone needs at least 1"),
        ({"attributes": {"tone": [3]}}, "attributes.tone.0 must be a text, not 3"),
        ({"attributes": {"tone": {"negative": []}}}, "attributes.tone.negative needs at least 1"),
        ({"templates": {"negative": "x"}}, "templates.negative must be a list, such as [1, 2] or [a, b]"),
        ({"templates": "x"}, "templates must be a list, or a mapping of label names to lists, not 'x'"),
    ],
)
def test_a_wrong_card_is_an_error_with_file_and_key(project, changes, message):
    write_card(project, "wrong", **changes)
    said = failure(load_card, "wrong")
    assert said.startswith(f"{card_path('wrong')}: {message}")
    assert said.count("templates") <= 1
    assert "function-after" not in said


def test_lines_and_spaces_are_joined_as_prompts_need_it_and_labels_keep_their_order():
    reviews = {"2": {"name": " z  b", "phrase": "p"}, "1": {"name": "ant", "phrase": "an\na"}}
    folded = card(description="reviews\nof films \n", labels=reviews)
    assert folded.description == "reviews of films"
    assert folded.label_names == ["z b", "ant"]
    assert folded.phrase("ant") == "an a"


def test_the_files_that_it_names_are_listed_once():
    source = {"path": "a.csv", "test_path": "t.csv", "text_column": "text", "label_column": "label"}
    facts = {"path": "f.csv", "words": "with {actor}"}
    later = ["n.csv", "a.csv"]
    named = card(source=source, unlabelled={"path": "u.csv"}, facts=facts, labelled_later=later)
    assert named.files == ["a.csv", "u.csv", "f.csv", "t.csv", "n.csv"]
    assert card(source={"dataset": "x/y", "text_column": "text", "label_column": "label"}).files == []


def test_the_optional_parts():
    parts = {
        "method": "attributes",
        "topics": ["a"],
        "personas": ["b"],
        "attributes": {"tone": ["calm"], "length": {"negative": ["short"]}},
        "templates": {"positive": ["c"]},
    }
    full = card(source=None, pair_name="claim", **parts)
    assert full.pairs
    assert not card().pairs
    assert full.model_dump(include={*parts}) == parts
