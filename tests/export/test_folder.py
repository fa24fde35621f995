"""The folder: whole or not there, and it never replaces other files."""

import errno
import os
import shutil
import subprocess

import pytest

from labelmint.core.errors import DataError
from labelmint.export.command import export, new_folder


def make(out, content="one"):
    with new_folder(out) as new:
        (new / "part").mkdir()
        (new / "part/file").write_text(content, encoding="utf-8")


def test_it_is_made_also_where_an_empty_one_is(tmp_path):
    for out in (tmp_path / "a/b", tmp_path / "empty"):
        if out.name == "empty":
            out.mkdir()
        make(out)
        assert (out / "part/file").read_text(encoding="utf-8") == "one"
    assert [entry.name for entry in (tmp_path / "a").iterdir()] == ["b"]


@pytest.mark.parametrize("kind", ["export", "file", "link"])
def test_what_is_there_stays(tmp_path, kind):
    out = tmp_path / "out"
    make(tmp_path / "other" if kind == "link" else out) if kind != "file" else out.write_text("a file")
    if kind == "link":
        out.symlink_to(tmp_path / "other")
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(DataError, match="is there already; delete it, or name a new folder"):
        make(out, "two")
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_the_root_is_no_new_folder(tmp_path):
    with pytest.raises(DataError, match="name a new folder"):
        make(tmp_path / "/")


def test_a_failure_leaves_nothing(tmp_path):
    def broken():
        with new_folder(tmp_path / "out") as new:
            (new / "half").write_text("half", encoding="utf-8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_names_the_folder_and_no_list_of_files(finished, monkeypatch):
    def on_a_full_disk(source, target):
        raise OSError(errno.ENOSPC, "No space left on device", str(source), None, str(target))

    monkeypatch.setattr(shutil, "copyfile", on_a_full_disk)
    with pytest.raises(OSError, match="No space left on device") as caught:
        export("mixed", None)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename.endswith("exported/tiny")


def test_a_place_that_cannot_be_written_to_is_told_with_the_name_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(NotADirectoryError) as caught:
        make(tmp_path / "file/out")
    assert caught.value.filename == str(tmp_path / "file/out")


def test_leftovers_of_a_killed_run_go(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    # One number is alive, and at work; a process that was killed had this one's.
    left, other, own = (tmp_path / f".out.{number}.tmp" for number in (dead.pid, 1, os.getpid()))
    for folder in (left, other, own):
        folder.mkdir()
        (folder / "half").write_text("half", encoding="utf-8")
    make(tmp_path / "out")
    assert {entry.name for entry in tmp_path.iterdir()} == {"out", other.name}
    assert not (tmp_path / "out/half").exists()
