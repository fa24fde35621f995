"""Save students as folders that are either whole or not there."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from labelmint.core.files import temporary_beside
from labelmint.core.records import write_json
from labelmint.tasks.cards import Excerpt, TaskCard

STUDENT = "student.json"
HEAD = "head.safetensors"  # of an encoder that transformers has no classifier of
NOTE = "note.txt"  # in the folder of an arm without rows


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder` that takes its place at the end, unless there is an error."""
    temporary = temporary_beside(folder)
    shutil.rmtree(temporary, ignore_errors=True)  # of a killed process that had this one's number
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                file.chmod(_ordinary_mode())  # safetensors makes its file private
        shutil.rmtree(folder, ignore_errors=True)
        temporary.replace(folder)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        # Of a full disk NumPy doesn't name the file, and safetensors raises an error of its own.
        number = _os_error(error)
        if number:
            raise OSError(number, os.strerror(number), str(folder)) from None
        raise


def _os_error(error: BaseException) -> int:
    """Return the number of an error in writing; 0 of other errors."""
    if isinstance(error, SafetensorError) and (found := re.search(r"os error (\d+)", str(error))):
        return int(found[1])
    return error.errno or 0 if isinstance(error, OSError) else 0


def _ordinary_mode() -> int:
    """Return the permissions that the user's umask leaves to a new file."""
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def write_student(folder: Path, name: str, label_names: Sequence[str], **content: Any) -> None:
    """Write student.json, by which `load_student` knows the folder's student."""
    write_json(folder / STUDENT, {"student": name, "label_names": list(label_names), **content})


def read_student(folder: Path) -> Any:
    """Return the content of a folder's student.json."""
    return json.loads((folder / STUDENT).read_text(encoding="utf-8"))


def note_inputs(folder: Path, card: TaskCard) -> None:
    """Add to student.json what the student learnt from: pairs or not, and which part of long texts."""
    excerpt = card.excerpt and card.excerpt.model_dump(mode="json", by_alias=True)
    write_json(folder / STUDENT, {**read_student(folder), "pairs": card.pairs, "excerpt": excerpt})


def read_inputs(folder: Path) -> tuple[bool | None, Excerpt | None]:
    """Return what `note_inputs` noted; of other classifiers, and damaged folders, None."""
    try:
        content = read_student(folder)
        excerpt = content.get("excerpt")
        return content.get("pairs"), excerpt and Excerpt.model_validate(excerpt)
    except (OSError, ValueError, AttributeError):
        return None, None


def write_note(folder: Path, note: str) -> None:
    """Make a folder that says in one line why it holds no student."""
    with whole_folder(folder) as temporary:
        (temporary / NOTE).write_text(note + "\n", encoding="utf-8")


def read_note(folder: Path) -> str:
    """Return the line that `write_note` left; "" if the folder has none."""
    note = folder / NOTE
    return note.read_text(encoding="utf-8").strip() if note.is_file() else ""
