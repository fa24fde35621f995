"""What is to be labelled: texts and pairs in order with their ids, and windows of them."""

import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.core.errors import DataError
from labelmint.predict.items import Item, read_items, windows
from labelmint.tasks.tables import OpenTable, open_table


def read(content, kind, column="text", pair_column="text_pair"):
    data = content.encode() if isinstance(content, str) else content
    return list(read_items(open_table(io.BytesIO(data), "in", kind, [column]), column, pair_column))


@pytest.mark.parametrize(
    ("kind", "content", "items"),
    [
        ("text", "\ufeffa\n\nb\u2028c\r\nd", [Item("a"), Item(""), Item("b\u2028c"), Item("d")]),
        ("jsonl", '{"text": "a", "id": 7}\n\n{"text": "b"}\n', [Item("a", None, 7), Item("b")]),
        ("jsonl", '{"text": "a", "text_pair": "b"}', [Item("a", "b")]),
        ("csv", 'id,text\n1,"a, ""b""\nc"\n\n2,\n', [Item('a, "b"\nc', None, "1"), Item("", None, "2")]),
        ("csv", "\ufefftext,text_pair\r\na,b\r\n", [Item("a", "b")]),
        ("jsonl", '{"text": "a", "id": NaN}', [Item("a")]),
        ("jsonl", '{"text": null}\n{"text": "a"}', [Item(""), Item("a")]),
    ],
)
def test_kinds(kind, content, items):
    assert read(content, kind) == items


def test_columns_of_other_names():
    assert read("body,reply\na,b\n", "csv", "body", "reply") == [Item("a", "b")]
    assert read('{"body": "a"}', "jsonl", "body") == [Item("a")]


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("text", b"fine\n\xff\n", "in:2: not UTF-8"),
        ("jsonl", '{"body": "a"}\n', "in:1: no column 'text'; it has body; name one with --column"),
        ("jsonl", '{"text": 3}\n', "in:1: 'text' must be a text, not 3"),
        ("jsonl", '{"text": "a", "text_pair": "b"}\n{"text": "a"}\n', "in:2: this row lacks a 'text_pair'"),
        ("jsonl", '{"text": "a"}\n{"text": "a", "text_pair": "b"}\n', "in:2: this row has a 'text_pair'"),
        ("csv", "id,body\n1,a\n", "in: no column 'text'; it has id, body; name one with --column"),
    ],
)
def test_wrong_input_is_named_by_file_and_line(kind, content, message):
    with pytest.raises(DataError) as caught:
        read(content, kind)
    assert str(caught.value).startswith(message)


def test_a_pair_is_blank_only_if_both_of_its_texts_are():
    assert not Item("", "b").blank
    assert not Item("a", " ").blank
    assert Item(" ", "").blank


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


@pytest.mark.parametrize(
    ("value", "shown"), [(date(2024, 1, 31), "2024-01-31"), (Decimal("1.5"), "1.5"), (7, 7)]
)
def test_ids_that_json_cannot_hold_are_texts(value, shown):
    table = OpenTable("in", ["text", "id"], iter([(1, {"text": "a", "id": value})]))
    assert [item.id for item in read_items(table, "text", "text_pair")] == [shown]
