"""The reader of tables: values as they are, errors with file, line and remedy."""

import io
from itertools import chain, repeat

import pytest

from labelmint.core.errors import DataError
from labelmint.tasks.tables import Lines, load_file, stream_rows


def rows_of(content, kind, **options):
    data = content.encode() if isinstance(content, str) else content
    return list(stream_rows(Lines(io.BytesIO(data), "in", **options), kind))


@pytest.mark.parametrize(
    ("kind", "content", "rows"),
    [
        (
            "csv",
            'id,text\n1,"a, ""b""\nc"\n\n2,\n',
            [{"id": "1", "text": 'a, "b"\nc'}, {"id": "2", "text": ""}],
        ),
        ("csv", "\ufeffa,b\r\nx,y\r\n", [{"a": "x", "b": "y"}]),
        ("csv", "a,b\n  \nx,y", [{"a": "x", "b": "y"}]),  # a line of blanks is no row
        ("csv", "a\n  \n", [{"a": "  "}]),
        ("tsv", "a\tb\nx, y\t'z'\n", [{"a": "x, y", "b": "'z'"}]),
        ("csv", "", []),
        ("csv", "a,b\n", []),
        ("jsonl", '\ufeff{"a": 1}\n\n{"b": null}\n', [{"a": 1}, {"b": None}]),
    ],
)
def test_rows(kind, content, rows):
    assert rows_of(content, kind) == rows


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-8", "utf-8-sig"])
def test_encodings(encoding):
    content = "text,label\né \u010a x,pos\nĊ,neg\n" if "utf" in encoding else "text,label\né x,pos\nü,neg\n"
    rows = rows_of(content.encode(encoding), "csv", encoding=encoding)
    assert [row["label"] for row in rows] == ["pos", "neg"]
    assert content.splitlines()[1] == f"{rows[0]['text']},pos"


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("csv", b"text\nfine\n\xff\n", "in:3: not UTF-8; save it as UTF-8"),
        ("csv", "text,label\n".encode("utf-16"), "in:1: not UTF-8; save it as UTF-8"),
        ("csv", b"text\ncut off \xc3", "in:2: not UTF-8"),
        ("csv", "x,text,text\na,b,c\n", "in:1: two columns are named 'text'; rename one"),
        (
            "csv",
            'text,x\n"a\nb",1\na,b,c\n',
            "in:4: 3 fields, but 2 columns; quote the texts that hold a separator",
        ),
        ("csv", "text,x\na\n", "in:2: 1 fields, but 2 columns"),
        ("csv", 'text\n"a\nb\n', "in:2: not a valid table: unexpected end of data; check the quotes"),
        ("csv", 'text\nfine\n"a"b\n', "in:3: not a valid table"),
        ("jsonl", '{"text": "a"}\n{"text": \n', "in:2: not valid JSON"),
        ("jsonl", "[1]\n", "in:1: each line must be an object"),
        ("jsonl", "null\n", "in:1: each line must be an object"),
        ("jsonl", "[" * 100_000, "in:1: not valid JSON"),
        ("jsonl", b'{"text": "caf\xe9"}\n', "in:1: not UTF-8"),
    ],
)
def test_what_is_wrong_is_an_error_with_its_line(kind, content, message):
    with pytest.raises(DataError) as caught:
        rows_of(content, kind)
    assert str(caught.value).startswith(message)


def test_a_quote_that_is_never_closed_is_found_before_memory_ends(monkeypatch):
    monkeypatch.setattr("labelmint.tasks.tables._MAX_FIELD", 1000)
    endless = chain([b"text\n", b'"a\n'], repeat(b"b" * 100 + b"\n"))
    with pytest.raises(DataError, match="in:2: not a valid table: field larger"):
        list(stream_rows(Lines(endless, "in"), "csv"))


def test_rows_are_read_as_they_are_asked_for():
    lines = Lines(chain([b"text\n"], repeat(b"a\n")), "in")
    rows = stream_rows(lines, "csv")
    assert [next(rows)["text"] for _ in range(3)] == ["a"] * 3
    assert (lines.number, lines.bytes) == (4, 11)


def test_only_tables_of_text_have_an_encoding(tmp_path):
    for name in ("a.jsonl", "a.parquet"):
        with pytest.raises(DataError, match=r"`encoding` is for .* files alone; remove it"):
            load_file(tmp_path / name, "cp1252", ["text"])
