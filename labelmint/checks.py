"""Check names in params.yaml against the registries, before the first expensive step."""

from __future__ import annotations

from labelmint.core.errors import ParamsError
from labelmint.core.params import Params
from labelmint.prompts.methods import METHODS
from labelmint.rules.registry import RULES
from labelmint.students.registry import STUDENTS


def check_names(params: Params) -> None:
    """Raise `ParamsError` if a student, prompt method or rule is named that there is none of."""
    students = {f"arms.{name}.student": arm.student for name, arm in params.arms.items() if arm.student}
    for key, student in {**students, "train.student": params.train.student}.items():
        if student not in STUDENTS:
            raise ParamsError(f"params.yaml: {key}: no student {student!r}; there are {', '.join(STUDENTS)}")
    method = params.generate.method
    for name in [method] if isinstance(method, str) else method:
        if name not in METHODS and not (name == "auto" and isinstance(method, str)):
            raise ParamsError(
                f"params.yaml: generate.method: no method {name!r}; there are {', '.join(METHODS)}, and auto"
            )
    for name in params.filter.disabled_rules:
        if name not in RULES:
            raise ParamsError(f"params.yaml: filter.disabled_rules: no rule {name!r}; there are {', '.join(RULES)}")
