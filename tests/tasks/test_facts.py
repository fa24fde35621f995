import pytest

from labelmint.core.errors import DataError, ParamsError
from labelmint.tasks.cards import load_card
from labelmint.tasks.named_tables import read_facts
from tests.builders import write_card

TABLE = {"path": "data/raw/facts.csv", "words": "in {city} of {country}", "label_column": "mood"}
LINES = """mood,city,country,note
neg,  New\u00a0York,USA,
positive,Paris,France,
,Rome,Italy,
,Rome,Italy,again
"""


def read(project, text=LINES, **changes):
    (project / "data/raw").mkdir(parents=True, exist_ok=True)
    (project / "data/raw/facts.csv").write_text(text, encoding="utf-8")
    write_card(project, "mine", facts={**TABLE, **changes})
    return read_facts(load_card("mine"), "mine")


def test_facts_have_the_named_columns_and_the_label_that_they_suit(project):
    found = read(project)
    assert found.rows == [
        {"label": "negative", "values": {"city": "New York", "country": "USA"}},
        {"label": "positive", "values": {"city": "Paris", "country": "France"}},
        {"label": "", "values": {"city": "Rome", "country": "Italy"}},
    ]
    assert found.left_out == {"repeated": 1}


def test_without_a_label_column_facts_suit_every_label(project):
    found = read(project, label_column=None, must_occur="mood", text=LINES.replace("\n,", "\nx,"))
    assert {fact["label"] for fact in found.rows} == {""}
    assert [fact["values"]["mood"] for fact in found.rows] == ["neg", "positive", "x"]


def test_a_card_without_a_table_has_no_facts(project):
    write_card(project, "mine")
    assert read_facts(load_card("mine"), "mine").rows == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": "data/raw/no.csv"}, r"data/tasks/mine\.yaml: facts\.path: no file data/raw/no\.csv"),
        (
            {"words": "in {town}"},
            r"mine\.yaml: facts\.words: data/raw/facts\.csv has no column 'town'; it has",
        ),
        ({"balance": "Note"}, r"mine\.yaml: facts\.balance: .* no column 'Note'; .*; write 'note'"),
        ({"label_column": "label"}, r"mine\.yaml: facts\.label_column: .* has no column 'label'"),
        (
            {"must_occur": "note"},
            r"facts\.csv:2: 'note' is empty, .* names it in facts\.must_occur; fill it in",
        ),
        (
            {"text": "mood,city,country\nsad,Rome,Italy\n"},
            r"facts\.csv:2: 'mood': no label 'sad'; write one of negative, positive, or nothing",
        ),
        (
            {"text": "mood,city,country\nneg,Rome,Italy\n"},
            r"facts\.label_column: no row of data/raw/facts\.csv suits the label 'positive'; add rows, or",
        ),
        ({"text": "mood,city,country\n"}, r"facts\.path: data/raw/facts\.csv has no rows; add some"),
        ({"encoding": "utf-17"}, r"facts\.encoding"),
    ],
)
def test_tables_that_cannot_be_used_are_errors(project, changes, message):
    with pytest.raises(DataError, match=message):
        read(project, **changes)


@pytest.mark.parametrize("words", ["in a city", "in {city", "in {city} {}", "in {city!r}"])
def test_words_name_columns_in_braces(project, words):
    with pytest.raises(ParamsError, match=r"mine\.yaml: facts.*words: write columns of the table like"):
        read(project, words=words)
