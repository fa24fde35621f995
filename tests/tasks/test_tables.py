"""Files that people have: each is read right, by `prepare` and `predict` alike, or refused in one line."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from itertools import chain, repeat

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from labelmint.core.errors import DataError
from labelmint.predict.items import read_items
from labelmint.tasks.lines import UTF_8, Lines
from labelmint.tasks.separated import separated
from labelmint.tasks.tables import check_columns, known_kind, load_file, open_table, unpacked

ONE = [("a", "x")]
TWO = [("a", "pos"), ("b", "neg")]
CSV, TSV = "text,label\na,pos\nb,neg\n", "text\tlabel\na\tpos\nb\tneg\n"
JSONL = '{"text": "a", "label": "pos"}\n{"text": "b", "label": "neg"}\n'
LIST = '[\n  {"text": "a",\n   "label": "pos"},\n  {"text": "b", "label": "neg"}\n]\n'


def in_parquet(**columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def in_arrow(new):
    table = pa.table({"text": pa.array(["a", "b"], pa.large_string()), "label": ["pos", "neg"]})
    sink = io.BytesIO()
    with new(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def workbook(*sheets):
    """Return an .xlsx file; a sheet is a list of rows of texts and numbers."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    types = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    related = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    office, one = "officeDocument", '<Relationship Id="r{0}" Type="{1}/{2}" Target="{3}"/>'
    names = "".join(f'<sheet name="S{at}" sheetId="{at}" r:id="r{at}"/>' for at in range(1, len(sheets) + 1))
    targets = (one.format(at, types, "worksheet", f"s{at}.xml") for at in range(1, len(sheets) + 1))
    files = {
        "_rels/.rels": f"{related}{one.format(1, types, office, 'xl/workbook.xml')}</Relationships>",
        "xl/workbook.xml": f'<workbook {space} xmlns:r="{types}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f"{related}{''.join(targets)}</Relationships>",
    }
    for at, rows in enumerate(sheets, 1):
        content = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
        files[f"xl/s{at}.xml"] = f"<worksheet {space}><sheetData>{content}</sheetData></worksheet>"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return file.getvalue()


def _cell(value):
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def prepared(path, encoding=UTF_8):
    """Return the rows as `prepare` reads them."""
    table = load_file(path, encoding, ["text"], ["label"])
    check_columns(table, {"card": "text", "card.": "label"})
    return [(row["text"], row["label"]) for row in table.rows]


def predicted(path):
    """Return the texts as `predict` reads them."""
    kind, packed = known_kind(str(path))
    with path.open("rb") as file:
        table = open_table(unpacked(file, packed), str(path), kind, ["text"])
        return [item.text for item in read_items(table, "text", "text_pair")]


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


READ = {
    "a byte order mark": ("a.csv", "\ufeff" + CSV, TWO),
    "Windows": ("a.csv", CSV.replace("\n", "\r\n"), TWO),
    "an old Mac": ("a.csv", CSV.replace("\n", "\r"), TWO),
    "no last line end": ("a.csv", CSV.strip(), TWO),
    "blank lines": ("a.csv", "\n" + CSV.replace("\nb", "\n\n  \n,\nb").replace(",\nb", "b") + "\n\n", TWO),
    "only separators": ("a.csv", "id,text,label\n1,a,pos\n2,b,neg\n,,,,\n", TWO),
    "unnamed columns": ("a.csv", ",text,label,\n0,a,pos,\n1,b,neg,\n", TWO),
    "quotes after spaces": ("a.csv", 'text, label\n "x, ""y""", "a"\nz, b\n', [('x, "y"', "a"), ("z", "b")]),
    "quotes and line ends in a text": ("a.csv", 'text,label\n"x, ""y""\r\nz",a\n', [('x, "y"\r\nz', "a")]),
    "words for missing": (
        "a.csv",
        "text,label\nNA,None\nnull,nan\n,\n",
        [("NA", "None"), ("null", "nan"), ("", "")],
    ),
    "numbers": ("a.csv", "text,label\n1,007\n1.50,1e0\n", [("1", "007"), ("1.50", "1e0")]),
    "a very long field": ("a.csv", f"text,label\n{'a' * 200_000},pos\n", [("a" * 200_000, "pos")]),
    "NUL": ("a.csv", "text,label\na\0b,pos\n", [("a\0b", "pos")]),
    "stray quotes in TSV": (
        "a.tsv",
        'text\tlabel\n"a\tpos\nb "x" c\tneg\n"Great" he said\tpos\n"\tpos\nd"\tneg\n',
        [('"a', "pos"), ('b "x" c', "neg"), ('"Great" he said', "pos"), ('"', "pos"), ('d"', "neg")],
    ),
    "a spreadsheet's quotes in TSV": (
        "a.tsv",
        'label\ttext\npos\t"two\nlines"\nneg\t"a, ""b"""\npos\t"a\tb"\nneg\t"c\n\nd e"\n',
        [("two\nlines", "pos"), ('a, "b"', "neg"), ("a\tb", "pos"), ("c\n\nd e", "neg")],
    ),
    "all quoted, rows within a text": (
        "a.tsv",
        '"text"\t"label"\n"a\tx\nb"\t"neg"\n"c"\t"pos"\n',
        [("a\tx\nb", "neg"), ("c", "pos")],
    ),
    "a carriage return in TSV": ("a.tsv", "text\tlabel\na\rb\tpos\n", [("a\rb", "pos")]),
    "UTF-16 with a mark": ("a.tsv", TSV.encode("utf-16"), TWO),
    "UTF-16 BE with a mark": ("a.csv", ("\ufeff" + CSV).encode("utf-16-be"), TWO),
    "UTF-16 LE without a mark": ("a.csv", CSV.replace("\n", "\r\n").encode("utf-16-le"), TWO),
    "UTF-16 BE without a mark": ("a.jsonl", JSONL.encode("utf-16-be"), TWO),
    "UTF-32": ("a.csv", CSV.encode("utf-32"), TWO),
    "the byte of a line feed in a letter": ("a.csv", "text,label\nĊ,a\n".encode("utf-16"), [("Ċ", "a")]),
    "capitals in the ending": ("a.CSV", CSV, TWO),
    "JSON Lines with blank lines": ("a.jsonl", "\n" + JSONL.replace("\n", "\r\n \n") + "\n", TWO),
    "JSON of other values": (
        "a.ndjson",
        '{"text": null, "label": 1.0}\n{"text": NaN, "label": true}\n{"text": "x", "label": -1, "z": [1]}\n',
        [("", "1"), ("", "true"), ("x", "-1")],
    ),
    "a list of rows": ("a.json", LIST, TWO),
    "a list of rows on one line": ("a.jsonl", json.dumps(json.loads(LIST)), TWO),
    "gzip": ("a.csv.gz", gzip.compress(CSV.encode()), TWO),
    "gzip in parts": ("a.csv.gz", gzip.compress(CSV[:17].encode()) + gzip.compress(CSV[17:].encode()), TWO),
    "bzip2": ("a.tsv.bz2", bz2.compress(TSV.encode()), TWO),
    "xz": ("a.jsonl.xz", lzma.compress(JSONL.encode()), TWO),
    "zstd": ("a.json.zst", pa.compress(LIST.encode(), "zstd", asbytes=True), TWO),
    "large strings": ("a.parquet", in_parquet(text=pa.array(["a"], pa.large_string()), label=["x"]), ONE),
    "categories": ("a.parquet", in_parquet(text=["a"], label=pa.array(["x"]).dictionary_encode()), ONE),
    "missing values": (
        "a.parquet",
        in_parquet(text=["NA", None], label=[1.0, None], when=pa.array([1, 2], pa.timestamp("ns"))),
        [("NA", "1"), ("", "")],
    ),
    "truth values": ("a.parquet", in_parquet(text=["a"], label=[True]), [("a", "true")]),
    "a workbook": (
        "a.xlsx",
        workbook([["text", "note", "label"], ["a", "", 1], [], [1984, "x", 2.0], ["NA", "", "n/a"]], []),
        [("a", "1"), ("1984", "2"), ("NA", "n/a")],
    ),
    "Feather": ("a.feather", in_arrow(pa.ipc.new_file), TWO),
    "an Arrow stream": ("a.arrow", in_arrow(pa.ipc.new_stream), TWO),
}


@pytest.mark.parametrize(("name", "content", "rows"), READ.values(), ids=READ)
def test_files_are_read_right(tmp_path, name, content, rows):
    path = written(tmp_path, name, content)
    assert prepared(path) == rows
    assert predicted(path) == [text for text, _ in rows]


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
    "a number of 5,000 digits": ("a.jsonl", f'{{"text": {"9" * 5000}}}', ":1: not valid JSON: Exceeds the"),
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
        ":1: 'text' must be a text, not {'0': 'a'}",
    ),
    "messages": ("a.jsonl", '{"text": [{"role": "user"}], "label": "x"}', ":1: 'text' must be a text, not"),
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
    "a workbook as CSV": ("a.csv", b"PK\x03\x04 and more", ": it is a workbook or a zip; let the name"),
    "a zip": ("a.zip", b"PK\x03\x04 and more", ": an archive; unpack it"),
    "a web page": ("a.csv", "\n<!DOCTYPE html>\n<html>", ": it is a web page, not a table"),
    "a pointer": ("a.parquet", "version https://git-lfs.github.com/spec/v1\n", ": it is a pointer of Git"),
    "a pickle": ("a.csv", b"\x80\x04\x95\x1d\0\0\0", ": it is a Python pickle"),
    "an unknown ending": ("a.dat", CSV, ": files end in .csv, .tsv, "),
}


@pytest.mark.parametrize(("name", "content", "message"), REFUSED.values(), ids=REFUSED)
def test_others_are_refused_in_one_line_that_says_where(tmp_path, name, content, message):
    path = written(tmp_path, name, content)
    for read in (prepared, predicted):
        with pytest.raises(DataError) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert message in str(caught.value)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json", "a.xlsx"])
def test_an_empty_file_has_no_columns(tmp_path, name):
    with pytest.raises(DataError, match=r"no column 'text'; it is empty|not a valid workbook"):
        prepared(written(tmp_path, name, ""))


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16-le", "utf-8", "utf-8-sig"])
def test_a_card_may_name_the_encoding(tmp_path, encoding):
    content = "text,label\né,pos\nü,neg\n"
    path = written(tmp_path, "a.csv", content.encode(encoding))
    assert prepared(path, encoding) == [("é", "pos"), ("ü", "neg")]
    # A byte order mark knows better.
    assert prepared(written(tmp_path, "b.csv", ("\ufeff" + content).encode()), encoding)[0] == ("é", "pos")
    with pytest.raises(DataError, match=r"b\.csv:1: not utf-16"):
        prepared(written(tmp_path, "b.csv", content.encode()), "utf-16")
    for wrong in ("klingon", "base64", "undefined"):
        with pytest.raises(DataError, match=f"Python knows no encoding '{wrong}'"):
            prepared(path, wrong)
    with pytest.raises(DataError, match=r"`encoding` is for .* files alone; remove it"):
        prepared(tmp_path / "a.jsonl", "cp1252")


def test_a_quote_that_is_never_closed_is_found_before_memory_ends(monkeypatch):
    monkeypatch.setattr("labelmint.tasks.separated._MAX_FIELD", 1000)
    endless = chain([b"text\n", b'"a\n'], repeat(b"b" * 100 + b"\n"))
    with pytest.raises(DataError, match="in:2: not a valid table: field larger"):
        list(separated(Lines(endless, "in"), "csv")[1])


def test_rows_are_read_as_they_are_asked_for():
    rows = separated(Lines(chain([b"text\n"], repeat(b"a\n")), "in"), "csv")[1]
    assert [next(rows) for _ in range(3)] == [(number, {"text": "a"}) for number in (2, 3, 4)]


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.text(st.sampled_from('ab ";'), max_size=6), st.sampled_from(["pos", "neg"])), max_size=8
    )
)
def test_no_line_of_a_tsv_is_lost_whatever_its_quotes(rows):
    content = "".join(f"{text}\t{label}\n" for text, label in [("text", "label"), *rows])
    table = separated(Lines(io.BytesIO(content.encode()), "in"), "tsv")[1]
    try:
        labels = [row["label"] for _, row in table]
    except DataError as error:
        assume("is it one text in quotes, or are they rows" not in str(error))
        raise
    assert labels == [label for _, label in rows]
