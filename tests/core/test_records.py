import errno
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from labelmint.core.errors import DataError
from labelmint.core.records import (
    Labelled,
    dump,
    read_rows,
    write_json,
    write_rows,
)

GOOD = b'{"id": "1", "text": "a", "label": "l", "text_pair": "b", "more": 1}\n'


def content(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "text",
    ["", "\0", "a\nb\r\nc\rd", "\u2028\u2029\x85\x0b\x0c", "\ud83d", "x\udc00y", "😀 é \ufeff", '"\\', "NaN"],
)
def test_difficult_texts_survive(tmp_path, text):
    path = tmp_path / "rows.jsonl"
    write_rows(path, [{"text": text}, {"text": "next"}])
    assert read_rows(path) == [{"text": text}, {"text": "next"}]


def test_files_are_utf_8_and_readable_unless_a_text_is_not_valid_unicode():
    assert dump({"text": "é 😀"}) == '{"text": "é 😀"}'
    assert dump({"text": "é \ud83d"}) == '{"text": "\\u00e9 \\ud83d"}'


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity_are_refused(tmp_path, number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_rows(tmp_path / "rows.jsonl", [{"score": number}])
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "metrics.json", {"score": [number]})
    assert content(tmp_path) == []


def test_no_rows_are_no_empty_file_of_which_dvc_would_warn(tmp_path):
    path = tmp_path / "new/folder/rows.jsonl"
    write_rows(path, [])
    assert path.read_bytes()
    assert read_rows(path, Labelled) == []


def test_metrics_are_indented_json_in_the_given_order(tmp_path):
    write_json(tmp_path / "m.json", {"b": 1, "a": "é"})
    assert (tmp_path / "m.json").read_text(encoding="utf-8") == '{\n  "b": 1,\n  "a": "é"\n}\n'


def test_permissions_are_those_of_an_ordinary_file(tmp_path):
    write_rows(tmp_path / "rows.jsonl", [])
    (tmp_path / "ordinary").touch()
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("rows.jsonl", "ordinary")}
    assert len(modes) == 1


@pytest.mark.parametrize("error", [RuntimeError("in the middle"), KeyboardInterrupt()])
@pytest.mark.parametrize("earlier", [[], [{"text": "earlier"}]])
def test_an_exception_in_the_middle_leaves_what_was_there(tmp_path, error, earlier):
    def rows():
        yield {"text": "x" * 100_000}  # more than any buffer: it is on disk before the exception
        raise error

    path = tmp_path / "rows.jsonl"
    if earlier:
        write_rows(path, earlier)
    with pytest.raises(type(error)):
        write_rows(path, rows())
    assert content(tmp_path) == (["rows.jsonl"] if earlier else [])
    assert not earlier or read_rows(path) == earlier


@pytest.mark.parametrize("size", [10, 100_000])  # the disk is full when closing, or when writing
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch, size):
    def on_a_full_disk(path, mode):
        path.touch()
        return open("/dev/full", mode)  # noqa: PTH123 - stands for Path.open

    monkeypatch.setattr(Path, "open", on_a_full_disk)
    with pytest.raises(OSError, match="No space left") as caught:
        write_rows(tmp_path / "rows.jsonl", [{"text": "x" * size}])
    assert caught.value.errno == errno.ENOSPC
    assert "rows.jsonl" in str(caught.value)
    assert content(tmp_path) == []


def test_a_read_only_file_system_is_told_with_the_name_of_the_file(tmp_path, monkeypatch):
    def refuse(path, *_, **__):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OSError, match="Read-only file system") as caught:
        write_rows(tmp_path / "rows.jsonl", [])
    assert caught.value.filename == str(tmp_path / "rows.jsonl")


def test_what_killed_processes_had_written_of_a_file_is_removed(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    for left_over in (f".rows.jsonl.{dead.pid}.tmp", f".other.jsonl.{dead.pid}.tmp", ".rows.jsonl.1.tmp"):
        (tmp_path / left_over).touch()
    write_rows(tmp_path / "rows.jsonl", [])
    assert content(tmp_path) == [f".other.jsonl.{dead.pid}.tmp", ".rows.jsonl.1.tmp", "rows.jsonl"]


def test_the_file_lies_on_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    path, synced = tmp_path / "rows.jsonl", []
    real = os.fsync

    def fsync(handle):
        synced.append((os.fstat(handle).st_size, path.exists()))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    write_rows(path, [{"text": "a"}])
    assert synced == [(len(json.dumps({"text": "a"})) + 1, False)]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"a": 1}\n{"a": 2\n', ":2: not valid JSON: Expecting ',' delimiter"),
        (b'{"a": 1}\n\n{"a": 2}\n', ":2: not valid JSON: Expecting value"),
        (b'{"a": 1} {"a": 2}\n', ":1: not valid JSON: Extra data"),
        (b'{"a": 1}\n{"a": "caf\xe9"}\n', ":2: not UTF-8"),
        (b'\xff\xfe{\x00"\x00', ":1: not UTF-8"),
        (b"\n\n", ":2: not valid JSON"),
        (b'{"a": 1' + b"0" * 5000 + b"}", ":1: Exceeds the limit"),
        (b"[" * 100_000, ":1: maximum recursion depth exceeded"),
        (b"null\n", ":1: not a JSON object"),
        (GOOD + b'{"id": "2", "text": "b"}\n', ":2: 'label' is missing"),
        (GOOD + b'{"id": "2", "text": ["b"], "label": "l"}\n', ":2: 'text' is of the wrong type (list)"),
        (GOOD + GOOD[:20], ":2: not valid JSON"),
    ],
)
def test_a_broken_line_is_an_error_with_file_line_and_remedy(tmp_path, raw, message):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(raw)
    with pytest.raises(DataError) as caught:
        read_rows(path, Labelled if raw.startswith(GOOD) else None)
    assert str(caught.value).startswith(f"{path}{message}")
    assert str(caught.value).endswith("delete the file, and run `dvc repro`")


def test_a_missing_file_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(DataError, match=r"rows\.jsonl: no such file; run `dvc repro`"):
        read_rows(tmp_path / "rows.jsonl")


def test_a_last_line_without_line_break_and_windows_line_breaks_are_read(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\r\n{"a": 2}')
    assert read_rows(path) == [{"a": 1}, {"a": 2}]
