"""Files that can't be read right: each is refused in one line, by `prepare` and `predict` alike."""

import gzip
import json
import lzma

import pyarrow as pa
import pytest

from labelmint.core.errors import DataError
from tests.tasks.files import (
    CSV,
    JSONL,
    LIST,
    TSV,
    in_arrow,
    in_parquet,
    predicted,
    prepared,
    workbook,
    written,
)

REFUSED = {
    "semicolons": ("a.csv", CSV.replace(",", ";"), ":1: its columns are separated by semicolons, not"),
    "quoted semicolons": ("a.csv", '"text";"label"\n"a";"pos"\n', ":1: its columns are separated by"),
    "tabs in a CSV": (
        "a.csv",
        TSV,
        ":1: its columns are separated by tabs, not commas (text\tlabel); let its name end in .tsv",
    ),
    "commas in a TSV": (
        "a.tsv",
        CSV,
        ":1: its columns are separated by commas, not tabs (text,label); let its name end in .csv",
    ),
    "a line for Excel": ("a.csv", "sep=,\n" + CSV, ":1: remove this line, 'sep=,'"),
    "two columns of one name": ("a.csv", "x,text,text\na,b,c\n", ":1: two columns are named 'text'"),
    "a long row": (
        "a.csv",
        'text,label\n"a\nb",pos\na,b,c\n',
        ":4: 3 fields, but 2 columns; quote the texts that hold a separator",
    ),
    "a short row": ("a.csv", "text,label\na\n", ":2: 1 fields, but 2 columns; is the row cut off"),
    "a short row of a TSV": ("a.tsv", 'text\tlabel\n"a\nb\tpos\n', ":2: 1 fields, but 2 columns"),
    "an open quote": (
        "a.csv",
        'text,label\n"a,pos\nb,neg\n',
        ":2: not a valid table: unexpected end of data",
    ),
    "a quote that swallows rows and their separators": (
        "a.csv",
        'text,label\n"x","pos"\n"a\nb"\n',
        ":3: 1 fields, but 2 columns",
    ),
    "a letter or a quote": ("a.tsv", 'text\tlabel\n"a\tx\nb"\ty\n', "from here to line 3, is it one text in"),
    "a text after a quote": ("a.csv", 'text,label\nx,pos\n"a" b,pos\n', ":3: not a valid table"),
    "a quote that swallows rows": (
        "a.csv",
        'text,label\nx,pos\n"a,pos\nb,neg\nc",neg\n',
        ":3: a quote that begins in this row and ends in line 5 makes one text of several rows",
    ),
    "a carriage return in a line": ("a.csv", "text,label\na\rb,pos\n", ":2: not a valid table: new-line"),
    "another encoding": ("a.csv", "text,label\nfine,pos\ncafé,neg\n".encode("cp1252"), ":3: not UTF-8;"),
    "half a character": ("a.csv", b"text,label\ncut off \xc3", ":2: not UTF-8;"),
    "half of UTF-16": ("a.csv", CSV.encode("utf-16")[:-1], ":3: not utf-16;"),
    "no column of that name": (
        "a.csv",
        "Text, label\na,pos\n",
        "no column 'text'; it has Text, label; write 'Text'",
    ),
    "no columns' names": ("a.csv", "a rake,pos\na hoe,neg\n", "no column 'text'; it has a rake, pos; "),
    "half a row of JSON": ("a.jsonl", JSONL[:-9], ":2: not valid JSON"),
    "a comma after a row": ("a.jsonl", JSONL.replace("}\n", "},\n"), ":1: not valid JSON: Extra data at"),
    "lists as rows": ("a.jsonl", '["a", "pos"]\n["b", "neg"]\n', ":1: each line must be an object with"),
    "values as rows": ("a.jsonl", '"a"\n"b"\n', ":1: each line must be an object with named fields"),
    "a list without an end": ("a.json", LIST[:-3], ":4: not valid JSON: after this row"),
    "half a list": ("a.json", LIST[:40], ":4: not valid JSON"),
    "depth": ("a.json", "[" * 100_000, ":1: not valid JSON: nested too deeply"),
    "a number of 5,000 digits": (
        "a.jsonl",
        f'{{"text": {"9" * 5000}}}',
        ":1: a number has more than 4,300",
    ),
    "two fields of one name": ("a.jsonl", '{"text": "a", "text": "b"}\n', ":1: not valid JSON: two fields"),
    "rows within": ("a.json", json.dumps({"x": json.loads(LIST)}), "seem to be in 'x'; save that list alone"),
    "messages in each line": (
        "a.jsonl",
        '{"messages": [{"role": "user"}]}\n{"messages": [{"role": "user"}]}\n',
        "no column 'text'; it has messages",
    ),
    "rows within an object of many lines": (
        "a.json",
        json.dumps({"data": json.loads(LIST)}, indent=1),
        "its rows seem to be in 'data'",
    ),
    "one object of many lines": (
        "a.json",
        json.dumps({"text": "a", "label": "pos"}, indent=1),
        ":1: not valid JSON: Expecting property name",
    ),
    "columns as an object": (
        "a.json",
        '{"text": {"0": "a"}, "label": {"0": "pos"}}',
        ":1: 'text' must be a text, not {'0': 'a'}; write rows, not columns: with pandas, to_json(orient=",
    ),
    "columns as lists": (
        "a.json",
        '{"text": ["a", "b"], "label": ["pos", "neg"]}',
        ":1: 'text' must be a text, not ['a', 'b']; join the list to one text; or, if it is the whole "
        "column, write rows, not columns",
    ),
    "messages": ("a.jsonl", '{"text": [{"role": "user"}], "label": "x"}', ":1: 'text' must be a text, not"),
    "pandas' split": (
        "a.json",
        '{"columns": ["text", "label"], "index": [0], "data": [["a", "pos"]]}',
        "pandas wrote it with orient='split'; write it with orient='records', lines=True",
    ),
    "a number as text": (
        "a.jsonl",
        '{"text": "a", "label": 1}\n{"text": 3, "label": 1}\n',
        ":2: 'text' must be a text, not 3",
    ),
    "tokens": ("a.parquet", in_parquet(text=[["a"], ["b"]], label=[1, 2]), ", row 1: 'text' must be a text,"),
    "bytes": ("a.parquet", in_parquet(text=[b"a"], label=[1]), ", row 1: 'text' must be a text, not b'a'"),
    "dates": (
        "a.parquet",
        in_parquet(text=pa.array([5], pa.timestamp("s")), label=[1]),
        ", row 1: 'text' must be a text, not datetime",
    ),
    "letters that are no UTF-8": (
        "a.parquet",
        in_parquet(text=pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers()), label=[1]),
        ": not a valid Parquet file: 'utf-8' codec",
    ),
    "half a Parquet file": ("a.parquet", in_parquet(text=["a"], label=["pos"])[:-9], ": not a valid Parquet"),
    "half an Arrow file": ("a.arrow", in_arrow(pa.ipc.new_stream)[:300], ": not a valid Arrow file"),
    "a CSV as Parquet": ("a.parquet", CSV, ": not a valid Parquet file"),
    "a Parquet as CSV": ("a.csv", in_parquet(text=["a"]), ": it is a Parquet file; let its name"),
    "gzip as CSV": ("a.csv", gzip.compress(CSV.encode()), ": it is compressed by gzip; let its"),
    "gzip twice": ("a.csv.gz", gzip.compress(gzip.compress(CSV.encode())), ": it is compressed twice; "),
    "CSV as gzip": ("a.csv.gz", CSV, ":1: can't be read on (Not a gzipped file"),
    "half a gzip": ("a.csv.gz", gzip.compress(CSV.encode())[:-12], "can't be read on"),
    "half a xz": ("a.csv.xz", lzma.compress(CSV.encode())[:-12], "can't be read on"),
    "a damaged zstd": ("a.csv.zst", pa.compress(CSV.encode(), "zstd", asbytes=True)[:-4], "can't be read on"),
    "a workbook of two sheets": ("a.xlsx", workbook([["text"]], [["text"]]), ": several sheets have rows"),
    "a workbook of two columns of one name": (
        "a.xlsx",
        workbook([["text", "label", "label"], ["a", "pos", "neg"]]),
        ", row 1: two columns are named 'label'; rename one",
    ),
    "a workbook with a title": (
        "a.xlsx",
        workbook([["Reviews of 2024", ""], ["text", "label"], ["a", "pos"]]),
        "no column 'text'; it has Reviews of 2024; ",
    ),
    "JSON as CSV": ("a.csv", JSONL, ":1: it is JSON; let its name end in .jsonl, or in .json"),
    "a list as TSV": ("a.tsv", json.dumps(json.loads(LIST)), ":1: it is JSON; let its name end in .jsonl"),
    "a quoted line for Excel": ("a.csv", '\ufeff"sep=,"\n' + CSV, ":1: remove this line, '\"sep=,\"'"),
    "R's names of rows": (
        "a.csv",
        '"text","label"\n"1","a","pos"\n',
        ":2: 3 fields, but 2 columns; quote the texts that hold a separator, or name every column in the",
    ),
    "a column of another Unicode form": (
        "a.csv",
        "t\u200bext,label\na,pos\n",
        "no column 'text'; it has 't\\u200bext', label; write \"t\\u200bext\"",
    ),
    "a CSV as a workbook": ("a.xlsx", CSV, ": not a valid workbook"),
    "a Parquet as a workbook": ("a.xlsx", in_parquet(text=["a"]), ": it is a Parquet file"),
    "a workbook as CSV": (
        "a.csv",
        b"PK\x03\x04 and more",
        ": it is a workbook or a zip; let a workbook's name",
    ),
    "a zip": ("a.zip", b"PK\x03\x04 and more", ": an archive; unpack it"),
    "a web page": ("a.csv", "\n<!DOCTYPE html>\n<html>", ": it is a web page, not a table"),
    "a pointer": ("a.parquet", "version https://git-lfs.github.com/spec/v1\n", ": it is a pointer of Git"),
    "a pickle": ("a.csv", b"\x80\x04\x95\x1d\0\0\0", ": it is a pickle"),
    "an unknown ending": ("a.dat", CSV, ": files end in .csv, .tsv, "),
    "no ending": ("rows", CSV, "; its name has no ending"),
    "no ending but that of gzip": ("rows.gz", CSV, "; its name has no other ending"),
}


@pytest.mark.parametrize(("name", "content", "message"), REFUSED.values(), ids=REFUSED)
def test_others_are_refused_in_one_line_that_says_where(tmp_path, name, content, message):
    path = written(tmp_path, name, content)
    for read in (prepared, predicted):
        with pytest.raises(DataError) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert message in str(caught.value)


def test_a_workbook_with_a_title_is_told_what_to_remove(tmp_path):
    path = written(tmp_path, "a.xlsx", workbook([["Reviews of 2024"], ["text"], ["a"]]))
    with pytest.raises(DataError, match="the first row must name the columns: remove those above it"):
        prepared(path)
