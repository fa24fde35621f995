"""Reading what is to be labelled: every kind of file, in order, and errors with file and line."""

import io
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.core.errors import DataError
from labelmint.predict.items import Item, Lines, read_items, windows


def read(content, kind, text_column="text", pair_column="text_pair"):
    data = content.encode() if isinstance(content, str) else content
    return list(read_items(Lines(io.BytesIO(data), "in"), kind, text_column, pair_column))


@pytest.mark.parametrize(
    ("kind", "content", "items"),
    [
        ("text", "a\n\nb\u2028c\r\nd", [Item("a"), Item(""), Item("b\u2028c"), Item("d")]),
        ("text", "\ufeffa\n", [Item("a")]),
        ("text", "", []),
        ("jsonl", '{"text": "a", "id": 7}\n\n{"text": "b"}\n', [Item("a", None, 7), Item("b")]),
        ("jsonl", '{"text": "a", "text_pair": "b"}', [Item("a", "b")]),
        ("csv", 'id,text\n1,"a, ""b""\nc"\n\n2,\n', [Item('a, "b"\nc', None, "1"), Item("", None, "2")]),
        ("csv", "\ufefftext,text_pair\r\na,b\r\n", [Item("a", "b")]),
        ("tsv", "label\ttext\nx\ta, b\n", [Item("a, b")]),
        ("csv", "", []),
    ],
)
def test_kinds(kind, content, items):
    assert read(content, kind) == items


def test_columns_of_other_names():
    assert read("body,reply\na,b\n", "csv", "body", "reply") == [Item("a", "b")]
    assert read('{"body": "a"}', "jsonl", "body") == [Item("a")]


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("text", b"fine\n\xff\n", "in:2: not UTF-8"),
        ("jsonl", '{"text": "a"}\n{"text": \n', "in:2: not valid JSON"),
        ("jsonl", "[1]\n", "in:1: each line must be an object"),
        ("jsonl", "[" * 100_000, "in:1: not valid JSON"),
        ("jsonl", '{"body": "a"}\n', "in:1: no field 'text'; it has body; use --column"),
        ("jsonl", '{"text": 3}\n', "in:1: 'text' must be a text, not 3"),
        ("jsonl", '{"text": null}\n', "in:1: 'text' must be a text, not null"),
        ("jsonl", '{"text": "a", "text_pair": "b"}\n{"text": "a"}\n', "in:2: this row lacks a 'text_pair'"),
        ("csv", "id,body\n1,a\n", "in:1: no column 'text'; it has id, body; name one with --column"),
        ("csv", "text,text\na,b\n", "in:1: two columns are named 'text'"),
        ("csv", 'text,x\n"a\nb",1\na,b,c\n', "in:4: 3 fields, but 2 columns"),
        ("csv", 'text\n"a\nb\n', "in:2: not a valid table: unexpected end of data"),
        ("csv", 'text\nfine\n"a"b\n', "in:3: not a valid table"),
    ],
)
def test_wrong_input_is_named_by_file_and_line(kind, content, said):
    with pytest.raises(DataError) as caught:
        read(content, kind)
    assert str(caught.value).startswith(said)


def test_a_quote_that_is_never_closed_is_found_before_memory_ends(monkeypatch):
    monkeypatch.setattr("labelmint.predict.items._MAX_FIELD", 1000)
    endless = chain([b"text\n", b'"a\n'], repeat(b"b" * 100 + b"\n"))
    with pytest.raises(DataError, match="not a valid table: field larger"):
        list(read_items(Lines(endless, "in"), "csv", "text", "text_pair"))


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 5), st.integers(1, 9), st.integers(1, 30))
def test_windows_hold_everything_once_in_order(sizes, first, most, characters):
    items = [Item("x" * size, id=number) for number, size in enumerate(sizes)]
    parts = list(windows(items, first, max(first, most), characters))
    assert [item for part in parts for item in part] == items
    assert all(1 <= len(part) <= max(first, most) for part in parts)
    # Only the last text of a window may take it beyond its characters.
    assert all(sum(item.size for item in part[:-1]) < characters for part in parts)


def test_windows_read_no_further_than_they_must():
    def endless():
        while True:
            yield Item("a")

    parts = windows(endless(), 2, 8)
    assert [len(next(parts)) for _ in range(4)] == [2, 4, 8, 8]
