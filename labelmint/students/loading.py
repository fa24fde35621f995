"""Open a saved student, or any classifier that transformers opens."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

from safetensors import SafetensorError

from labelmint.core.errors import ModelError, of_the_machine
from labelmint.core.quoting import first_line
from labelmint.students.base import Classifier, Setting
from labelmint.students.registry import STUDENTS, student_class
from labelmint.students.saving import STUDENT, read_note, read_student

# What Python, NumPy, PyTorch and safetensors raise where a file is missing, cut or another's.
_DAMAGED = (OSError, ValueError, KeyError, TypeError, RuntimeError, EOFError, BadZipFile, SafetensorError)


def load_student(folder: Path, setting: Setting | None = None) -> Classifier:
    """Open the classifier of a folder: models/<arm>, an exported one, or one of transformers.

    Students that a language model is part of need a `setting`. Raise `ModelError` if the folder holds no
    classifier or a damaged one, or what it needs is missing.
    """
    if note := read_note(folder):
        raise ModelError(f"{folder}: {note}")
    if (folder / STUDENT).is_file():
        student = student_class(saved_name(folder))
        try:
            return student.load(folder, setting)
        except _DAMAGED as error:
            if of_the_machine(error):
                raise
            raise ModelError(f"{folder}: damaged: {first_line(error)}; train it again") from error
    if not (folder / "config.json").is_file():  # transformers would look for the name on the hub
        raise ModelError(
            f"{folder}: no classifier: it has no {STUDENT} or config.json; name the folder of one"
        )
    # Here: PyTorch takes seconds to load, and students on words or on the language model do without.
    from labelmint.students.sequence_classifier import SequenceClassifier

    return SequenceClassifier.load(folder)


def saved_name(folder: Path) -> str:
    """Return the name of a folder's student; raise `ModelError` if there is no such student."""
    try:
        name = str(read_student(folder)["student"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / STUDENT}: damaged: {error}; train it again") from None
    if name not in STUDENTS:
        raise ModelError(f"{folder / STUDENT}: no student {name!r}; there are {', '.join(STUDENTS)}")
    return name
