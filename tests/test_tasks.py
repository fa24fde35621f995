import pytest

from stages.errors import ParamsError
from stages.tasks import card_path, load_card
from tests.builders import card, write_card

NEGATIVE = {"name": "negative", "phrase": "negative"}
POSITIVE = {"name": "positive", "phrase": "positive"}


def test_the_shipped_card_loads(project):
    shipped = load_card("rotten_tomatoes")
    assert shipped.label_names == ["negative", "positive"]
    assert shipped.source.where == {"source": "rotten_tomatoes"}


def test_label_names_keep_the_order_of_the_card():
    labels = {"2": {"name": "zebra", "phrase": "z"}, "1": {"name": "ant", "phrase": "an a"}}
    assert card(labels=labels).label_names == ["zebra", "ant"]
    assert card(labels=labels).phrase("ant") == "an a"


def test_labels_may_look_like_other_yaml_types(project):
    path = write_card(project, "odd")
    text = path.read_text(encoding="utf-8").replace("  neg:", "  no:").replace("  pos:", "  2024-01-31:")
    path.write_text(text, encoding="utf-8")
    assert list(load_card("odd").labels) == ["no", "2024-01-31"]


def failure(project, task="wrong"):
    with pytest.raises(ParamsError) as caught:
        load_card(task)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_card_is_an_error_with_its_path(project):
    assert failure(project, "nothing") == "data/tasks/nothing.yaml: no such file"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": {"neg": NEGATIVE}}, "labels: at least two are needed"),
        ({"labels": {}}, "labels: at least two are needed"),
        (
            {"labels": {"neg": NEGATIVE, "pos": {"name": "negative", "phrase": "good"}}},
            "labels: two labels have the same name",
        ),
        (
            {"labels": {"neg": NEGATIVE, "pos": {"name": "positive", "phrase": "negative"}}},
            "labels: two labels have the same phrase",
        ),
        ({"labels": {"neg": NEGATIVE, "pos": {"name": "positive"}}}, "key labels.pos.phrase is missing"),
        (
            {"labels": {"neg": NEGATIVE, "pos": {"name": "", "phrase": "good"}}},
            "labels.pos.name: string should have at least 1 character",
        ),
        ({"labels": {"neg": NEGATIVE, "pos": "positive"}}, "labels.pos: input should be a valid dictionary"),
        ({"labels": {0: NEGATIVE, 1: POSITIVE}}, "labels.0.[key] must be a text, not 0; write it in quotes"),
        ({"labels": {"neg": NEGATIVE, "pos": {"name": 1, "phrase": "x"}}}, "labels.pos.name must be a text"),
        ({"lables": {}}, "unknown key lables; remove it or check its spelling"),
        (
            {"source": {"text_column": "text", "label_column": "label"}},
            "source: give one place: `path`, or `package` and `file`, ",
        ),
        (
            {
                "source": {
                    "path": "a.csv",
                    "package": "p",
                    "file": "f",
                    "text_column": "t",
                    "label_column": "l",
                }
            },
            "source: give one place: `path`, or `package` and `file`, ",
        ),
        (
            {"source": {"package": "p", "text_column": "text", "label_column": "label"}},
            "source: give one place: `path`, or `package` and `file`, ",
        ),
        ({"source": {"path": "a.csv", "label_column": "label"}}, "source: `text_column` is missing"),
        (
            {"source": {"path": "a.csv", "text_column": "t", "label_column": "l", "where": {"year": 2024}}},
            "source.where.year must be a text, not 2024; write it in quotes",
        ),
    ],
)
def test_a_wrong_card_is_an_error_with_file_and_key(project, changes, message):
    write_card(project, "wrong", **changes)
    assert failure(project).startswith(f"{card_path('wrong')}: {message}")
