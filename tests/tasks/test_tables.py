"""Files that people have are read right, by `prepare` and `predict` alike."""

import bz2
import gzip
import io
import json
import lzma
from itertools import chain, repeat

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from labelmint.core.errors import DataError
from labelmint.tasks.lines import Lines
from labelmint.tasks.separated import separated
from tests.tasks.files import (
    CSV,
    JSONL,
    LIST,
    ONE,
    TSV,
    TWO,
    in_arrow,
    in_parquet,
    predicted,
    prepared,
    workbook,
    written,
)

READ = {
    "a byte order mark": ("a.csv", "\ufeff" + CSV, TWO),
    "Windows": ("a.csv", CSV.replace("\n", "\r\n"), TWO),
    "an old Mac": ("a.csv", CSV.replace("\n", "\r"), TWO),
    "the first letters of a binary format": ("a.csv", "Orchid,text,label\n1,a,pos\n2,b,neg\n", TWO),
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
    "a line of a text that is another row's text": (
        "a.csv",
        'text,label\nThanks,pos\n"Dear team,\nThanks,\nBob",neg\n',
        [("Thanks", "pos"), ("Dear team,\nThanks,\nBob", "neg")],
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


@pytest.mark.parametrize(
    ("content", "encoding", "noted"),
    [
        (
            "café – ü".encode(),
            "latin-1",
            "is read as latin-1, and is valid UTF-8 with 3 characters",
        ),
        ("café".encode("latin-1"), "latin-1", ""),
        (b"cafe", "latin-1", ""),
        ("café".encode(), "utf8", ""),
        ("\ufeffcafé".encode(), "latin-1", ""),
        ("café".encode() + "café".encode("latin-1"), "latin-1", ""),  # mixed
    ],
)
def test_utf8_that_is_read_as_something_else_is_noted(tmp_path, capsys, content, encoding, noted):
    text = b"text,label\n%s,pos\nb,neg\n"
    if content.startswith(b"\xef"):
        content, text = content[3:], b"\xef\xbb\xbf" + text
    prepared(written(tmp_path, "a.csv", text % content), encoding)
    said = capsys.readouterr().err
    assert noted in said if noted else not said


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
