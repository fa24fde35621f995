"""Check names in params.yaml against the registries, before the first expensive step."""

from __future__ import annotations

from labelmint.core.errors import ParamsError
from labelmint.core.params import Params
from labelmint.prompts.methods import METHODS, check_order
from labelmint.rules.registry import RULES
from labelmint.students.registry import STUDENTS


def check_names(params: Params) -> None:
    """Raise `ParamsError` if a student, prompt method or rule is named that there is none of."""
    students = {f"arms.{name}.student": arm.student for name, arm in params.arms.items() if arm.student}
    for key, student in {**students, "train.student": params.train.student}.items():
        if student not in STUDENTS:
            raise ParamsError(f"params.yaml: {key}: no student {student!r}; there are {', '.join(STUDENTS)}")
    for student in params.train.students:
        if student not in STUDENTS or student == "auto":
            others = ", ".join(name for name in STUDENTS if name != "auto")
            raise ParamsError(f"params.yaml: train.students: no student {student!r}; there are {others}")
    method = params.generate.method
    # The method that a task card recommends for auto is checked when the card is read.
    methods = [] if method == "auto" else [method] if isinstance(method, str) else [*method]
    for name in methods:
        if name not in METHODS:
            raise ParamsError(
                f"params.yaml: generate.method: no method {name!r}; there are {', '.join(METHODS)}, and auto"
            )
    check_order(params.generate, methods)
    optional = [name for name, rule in RULES.items() if rule.optional]
    for name in params.filter.disabled_rules:
        if name not in optional:
            problem = f"{name} has no switch" if name in RULES else f"no rule {name!r}"
            raise ParamsError(
                f"params.yaml: filter.disabled_rules: {problem}; there are {', '.join(optional)}"
            )
