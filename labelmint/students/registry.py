"""All students by name. One line here makes a student usable in `arms` and `train.student`.

Classes are given by their path and imported when they are used: PyTorch and llama.cpp take seconds to load.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import cast

from labelmint.core.errors import ParamsError
from labelmint.students.base import Setting, Student

STUDENTS = {
    "auto": "labelmint.students.auto:AutoStudent",
    "linear_head": "labelmint.students.encoder:LinearHead",
    "fine_tune": "labelmint.students.fine_tune:FineTuned",
    "llm": "labelmint.students.llm:LlmStudent",
    "llm_probe": "labelmint.students.llm_probe:LlmProbe",
    "tfidf": "labelmint.students.tfidf:TfidfStudent",
    "majority": "labelmint.students.majority:MajorityStudent",
}


def student_class(name: str) -> type[Student]:
    """Return the class of a student; raise `ParamsError` naming those that there are."""
    if name not in STUDENTS:
        raise ParamsError(f"params.yaml: no student {name!r}; there are {', '.join(STUDENTS)}")
    return cast(type[Student], resolve_name(STUDENTS[name]))


def open_student(name: str, setting: Setting) -> Student:
    """Return a new student, not yet fitted."""
    return student_class(name)(setting)
