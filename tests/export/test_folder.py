"""The folder: whole or not there, and it never replaces other files."""

from pathlib import Path

import pytest

from labelmint.core.errors import DataError
from labelmint.export import folder as folder_module
from labelmint.export.folder import MARKER, check_free, new_folder


def make(out, content="one"):
    with new_folder(out, {"task": "tiny"}) as new:
        (new / "part").mkdir()
        (new / "part/file").write_text(content, encoding="utf-8")


def test_it_is_made_and_made_again(tmp_path):
    out = tmp_path / "a/b"
    make(out)
    make(out, "two")
    assert (out / "part/file").read_text(encoding="utf-8") == "two"
    assert [entry.name for entry in out.parent.iterdir()] == ["b"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "out").mkdir()
    make(tmp_path / "out")
    assert (tmp_path / "out" / MARKER).is_file()


def _foreign(out):
    out.mkdir()
    (out / "thesis.txt").write_text("years of work", encoding="utf-8")


def _forged(out):
    _foreign(out)
    (out / MARKER).write_text('{"made_by": "me", "files": {}}', encoding="utf-8")


def _changed(out):
    make(out)
    (out / "part/file").write_text("mine", encoding="utf-8")


def _added(out):
    make(out)
    (out / "part/.git").mkdir()
    (out / "part/.git/config").write_text("mine", encoding="utf-8")


def _linked(out):
    make(out)
    (out / "part/file").rename(out.parent / "file")
    (out / "part/file").symlink_to(out.parent / "file")


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (_foreign, "was not made by `labelmint export`"),
        (_forged, "was not made by `labelmint export`"),
        (_changed, "part/file was changed since the last export"),
        (_added, "part/.git/config was added since the last export"),
        (_linked, "part/file was changed"),
        (lambda out: out.write_text("a file", encoding="utf-8"), "is a file"),
    ],
)
def test_other_files_stay(tmp_path, make_it, message):
    out = tmp_path / "out"
    make_it(out)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(DataError, match=message):
        make(out, "two")
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_the_root_is_no_new_folder():
    with pytest.raises(DataError, match="name a new folder"):
        check_free(Path("/"))


@pytest.mark.parametrize("before", [False, True])
def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch, before):
    out = tmp_path / "out"
    if before:
        make(out)

    def broken():
        with new_folder(out, {}) as new:
            (new / "half").write_text("half", encoding="utf-8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert out.exists() is before
    assert not [entry for entry in tmp_path.iterdir() if entry != out]

    def full(path, content):
        raise OSError("no space left on device")

    monkeypatch.setattr(folder_module, "write_json", full)
    with pytest.raises(OSError, match="no space"):
        make(out, "two")
    assert out.exists() is before
    assert not [entry for entry in tmp_path.iterdir() if entry != out]


def test_leftovers_of_a_killed_run_go(tmp_path):
    for name in (".out.tmp", ".out.old.tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("half", encoding="utf-8")
    make(tmp_path / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
